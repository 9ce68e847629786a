"""The fakes keep the habits of the real servers, the bad ones too; asked over plain HTTP, without our client code."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.fakes.answerer import answer, find
from tests.fakes.gemini import FakeGemini
from tests.fakes.ollama import FakeOllama

HI = [{"role": "user", "content": "hi"}]
LONG = [{"role": "user", "content": "x" * 20_000}]
IMAGE = [{"role": "user", "content": "x", "images": ["data:image/png;base64,AA"]}]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def ollama() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as server:
        yield server


@pytest.fixture
async def gemini() -> AsyncIterator[FakeGemini]:
    async with FakeGemini() as server:
        yield server


async def post(http: aiohttp.ClientSession, url: str, body: Any, **headers: str) -> tuple[int, str]:
    data = io.BytesIO(json.dumps(body).encode())
    async with http.post(url, data=data, headers={"Content-Type": "application/json"} | headers) as response:
        return response.status, await response.text()


async def get(http: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, Any]:
    async with http.get(url, headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def test_ollama_streams_unless_told_otherwise(http: aiohttp.ClientSession, ollama: FakeOllama) -> None:
    _, text = await post(http, f"{ollama.url}/api/chat", {"model": "gemma3:1b", "messages": HI})
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) > 2 and [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1]["done_reason"] == "stop" and lines[-1]["eval_count"] == len(lines) - 1
    _, text = await post(http, f"{ollama.url}/api/generate", {"model": "gemma3:1b", "prompt": "hi", "stream": False})
    assert json.loads(text)["response"] == "I read 2 characters."


async def test_ollama_answers_who_it_is(http: aiohttp.ClientSession, ollama: FakeOllama) -> None:
    async with http.get(ollama.url) as response:
        assert await response.text() == "Ollama is running"
    async with http.head(ollama.url) as response:
        assert response.status == 200
    assert (await get(http, f"{ollama.url}/api/version"))[1].keys() == {"version"}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"messages": HI}, 400, "model is required"),
        ({"model": "nope", "messages": HI}, 404, 'model \\"nope\\" not found, try pulling it first'),
        ({"model": "nomic-embed-text", "messages": HI}, 400, "does not support chat"),
        ({"model": "gemma3:1b", "messages": HI, "think": True}, 400, "does not support thinking"),
        ({"model": "gemma3:1b", "messages": HI, "format": "yaml"}, 400, "invalid format"),
        ({"model": "gemma3:1b", "messages": HI, "keep_alive": "-1"}, 400, "missing unit in duration"),
        ({"model": "gemma3:1b", "messages": IMAGE}, 400, "base64"),
        ({"model": "gemma3:1b", "messages": LONG, "truncate": False}, 400, "exceed_context_size_error"),
        ({"model": "gemma3:1b", "messages": LONG, "shift": False}, 400, "longer than the context"),
    ],
)  # fmt: skip
async def test_ollama_refuses(
    http: aiohttp.ClientSession, ollama: FakeOllama, body: dict[str, Any], status: int, words: str
) -> None:
    found, text = await post(http, f"{ollama.url}/api/chat", body)
    assert found == status and words in text and json.loads(text).keys() == {"error"}


async def test_ollama_cuts_a_long_prompt_to_half_in_silence(http: aiohttp.ClientSession, ollama: FakeOllama) -> None:
    body = {"model": "gemma3:1b", "messages": LONG, "stream": False}
    status, text = await post(http, f"{ollama.url}/api/chat", body)
    assert status == 200 and json.loads(text)["prompt_eval_count"] == 2051


async def test_ollama_loads_anew_when_a_runner_option_changes(http: aiohttp.ClientSession, ollama: FakeOllama) -> None:
    for options in (
        {"num_ctx": 8192},
        {"num_ctx": 8192, "temperature": 1},
        {"num_ctx": 4096},
        {"num_ctx": 4096, "num_gpu": 0},
        {},
    ):
        await post(http, f"{ollama.url}/api/chat", {"model": "gemma3:1b", "messages": HI, "options": options})
    assert [options for _, options in ollama.machine.loads] == [
        {"num_ctx": 8192},
        {"num_ctx": 4096},
        {"num_ctx": 4096, "num_gpu": 0},
    ]


async def test_ollama_does_not_list_a_model_that_is_loading(http: aiohttp.ClientSession, ollama: FakeOllama) -> None:
    ollama.load_seconds = 0.1
    loading = asyncio.create_task(post(http, f"{ollama.url}/api/generate", {"model": "gemma3:1b"}))
    await asyncio.sleep(0.03)
    assert (await get(http, f"{ollama.url}/api/ps"))[1] == {"models": []}
    assert json.loads((await loading)[1])["done_reason"] == "load"
    (listed,) = (await get(http, f"{ollama.url}/api/ps"))[1]["models"]
    assert listed["context_length"] == 4096 and listed["size_vram"] == listed["size"]
    _, text = await post(http, f"{ollama.url}/api/generate", {"model": "gemma3:1b", "keep_alive": 0})
    assert json.loads(text)["done_reason"] == "unload" and (await get(http, f"{ollama.url}/api/ps"))[1] == {"models": []}


async def test_ollama_ends_an_answer_at_num_predict(http: aiohttp.ClientSession, ollama: FakeOllama) -> None:
    body = {"model": "gemma3:1b", "messages": HI, "stream": False, "options": {"num_predict": 2}}
    _, text = await post(http, f"{ollama.url}/api/chat", body)
    assert json.loads(text)["done_reason"] == "length" and json.loads(text)["eval_count"] == 2


async def test_faults_can_be_armed_from_outside(http: aiohttp.ClientSession, ollama: FakeOllama) -> None:
    await post(http, f"{ollama.url}/_fake/fault", {"kind": "oom", "times": 1})
    body = {"model": "gemma3:1b", "messages": HI}
    assert [(await post(http, f"{ollama.url}/api/chat", body))[0] for _ in range(2)] == [500, 200]
    assert [one["path"] for one in (await get(http, f"{ollama.url}/_fake/requests"))[1]] == ["/api/chat"] * 2


ASK = {"contents": [{"parts": [{"text": "hi"}]}]}
FLASH = "/v1beta/models/gemini-2.5-flash:generateContent"


@pytest.mark.parametrize(
    ("path", "body", "key", "code", "status", "words"),
    [
        (FLASH, ASK, "", 403, "PERMISSION_DENIED", "unregistered callers"),
        (FLASH, ASK, "invalid-key", 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        ("/v1beta/models/nope:generateContent", ASK, "k", 404, "NOT_FOUND", "models/nope is not found for API version v1beta"),
        (FLASH, {}, "k", 400, "INVALID_ARGUMENT", "contents is not specified"),
        (FLASH, ASK | {"foo": 1}, "k", 400, "INVALID_ARGUMENT", "Cannot find field"),
        (FLASH, ASK | {"generationConfig": {"responseSchema": {"$schema": "x"}}}, "k", 400, "INVALID_ARGUMENT", "$schema"),
        (FLASH, ASK | {"generationConfig": {"responseSchema": {"type": "object", "additionalProperties": False}}}, "k", 400,
         "INVALID_ARGUMENT", "additionalProperties"),
        (FLASH, ASK | {"generationConfig": {"responseJsonSchema": {}}}, "k", 400, "INVALID_ARGUMENT", "response_mime_type"),
        (FLASH, {"contents": [{"parts": [{"text": "x" * 5_000_000}]}]}, "k", 400, "INVALID_ARGUMENT", "exceeds the maximum"),
        ("/v1beta/models/gemini-3.5-flash:generateContent", ASK | {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
         "k", 400, "INVALID_ARGUMENT", "thinking_level"),
    ],
)  # fmt: skip
async def test_gemini_refuses(
    http: aiohttp.ClientSession, gemini: FakeGemini, path: str, body: Any, key: str, code: int, status: str, words: str
) -> None:
    found, text = await post(http, gemini.url + path, body, **({"x-goog-api-key": key} if key else {}))
    error = json.loads(text)["error"]
    assert (found, error["code"], error["status"]) == (code, code, status) and words in text


async def test_gemini_takes_a_json_schema_and_counts(http: aiohttp.ClientSession, gemini: FakeGemini) -> None:
    schema = {"type": "object", "properties": {"cpf": {"type": ["string", "null"]}}, "additionalProperties": False}
    config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    body = {"contents": [{"role": "user", "parts": [{"text": "CPF 111.444.777-35"}]}], "generationConfig": config}
    _, text = await post(http, gemini.url + FLASH, body, **{"x-goog-api-key": "k"})
    reply = json.loads(text)
    assert json.loads(reply["candidates"][0]["content"]["parts"][0]["text"]) == {"cpf": "111.444.777-35"}
    assert reply["usageMetadata"]["promptTokenCount"] == 5 and reply["candidates"][0]["finishReason"] == "STOP"
    _, text = await post(http, f"{gemini.url}/v1beta/models/gemini-2.5-flash:countTokens", ASK, **{"x-goog-api-key": "k"})
    assert json.loads(text) == {"totalTokens": 1}


async def test_gemini_streams_events_without_a_done_marker(http: aiohttp.ClientSession, gemini: FakeGemini) -> None:
    url = f"{gemini.url}/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    gemini.answers.append("a" * 100)
    _, text = await post(http, url, ASK, **{"x-goog-api-key": "k"})
    events = [json.loads(event.removeprefix("data: ")) for event in text.split("\r\n\r\n") if event]
    finishes = [event["candidates"][0].get("finishReason") for event in events]
    assert len(events) > 2 and finishes == [None] * (len(events) - 1) + ["STOP"]


async def test_gemini_says_when_to_come_back(http: aiohttp.ClientSession, gemini: FakeGemini) -> None:
    gemini.fail("refuse", status=429, retry_after="34")
    _, text = await post(http, gemini.url + FLASH, ASK, **{"x-goog-api-key": "k"})
    details = json.loads(text)["error"]["details"]
    assert [detail["retryDelay"] for detail in details if detail["@type"].endswith("RetryInfo")] == ["34s"]


async def test_gemini_lists_in_pages(http: aiohttp.ClientSession, gemini: FakeGemini) -> None:
    first = (await get(http, f"{gemini.url}/v1beta/models?pageSize=4", **{"x-goog-api-key": "k"}))[1]
    second = (
        await get(http, f"{gemini.url}/v1beta/models?pageSize=100&pageToken={first['nextPageToken']}", **{"x-goog-api-key": "k"})
    )[1]
    assert len(first["models"]) == 4 and "nextPageToken" not in second
    assert len(first["models"] + second["models"]) == len(gemini.models)


NOTA = """EMPRESA MODELO LTDA
CNPJ: 12.345.678/0001-95   Inscrição Estadual: 123.456.789.110
NF-e Nº 000.123.456  SÉRIE 1
Data de emissão: 05/03/2026   Vencimento: 04/04/2026
Destinatário: Maria de Souza   CPF: 111.444.777-35
E-mail: contato@modelo.com.br
Total dos produtos 1.000,00
VALOR TOTAL DA NOTA R$ 1.234,56"""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("CNPJ", "12.345.678/0001-95"), ("cpf_destinatario", "111.444.777-35"), ("data_emissao", "05/03/2026"),
        ("vencimento", "04/04/2026"), ("valor_total", "1.234,56"), ("e-mail", "contato@modelo.com.br"), ("iban", None),
        ("inscricao_estadual", "123.456.789.110"), ("destinatario", "Maria de Souza"),
    ],
)  # fmt: skip
def test_the_fake_models_really_read(key: str, value: str | None) -> None:
    assert find((key,), NOTA) == value


def test_the_fake_models_keep_to_the_schema_and_to_the_document() -> None:
    number = {"anyOf": [{"type": "number"}, {"type": "null"}]}
    fields = {"total": number, "cep": {"type": ["string", "null"]}, "pago": {"type": "boolean"}}
    schema = {"type": "array", "items": {"type": "object", "properties": fields}}
    document = f'<document>\n<page number="1">\n{NOTA}\n</page>\n</document>'
    prompt = f'Example: [{{"total": 9.99, "cep": "01000-000"}}]\n{document}\nCEP 99999-999?'
    assert json.loads(answer([prompt], schema)) == [{"total": 1234.56, "cep": None, "pago": False}]
