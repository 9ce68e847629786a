"""What every provider must do, whoever it is: the same questions to each, over HTTP, through the real client code."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest

from core.errors import (
    DocumentTooLong,
    InvalidAnswer,
    ModelNotInstalled,
    ModelOutOfMemory,
    ProviderAuthFailed,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
    QuestionRefused,
)
from providers import ollama
from providers.anthropic import Anthropic
from providers.azure import AzureOpenAI
from providers.base import Provider, ProviderSpec
from providers.bedrock import Bedrock
from providers.cohere import Cohere
from providers.gemini import Gemini
from providers.openai_shaped import OpenAIShaped
from providers.patience import Patience
from providers.registry import provider_classes
from providers.types import ChatRequest, Message
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.azure import VERSION as AZURE_VERSION
from tests.fakes.azure import FakeAzure
from tests.fakes.bedrock import SONNET, FakeBedrock
from tests.fakes.bedrock_signatures import ACCESS_KEY
from tests.fakes.cohere import FakeCohere
from tests.fakes.gemini import FakeGemini
from tests.fakes.ollama import FakeOllama
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import PROSE, FakeServer

KEY = "AIzaSyCANARY-KEY-0123456789"
CANARY = "canary of the document"
SCHEMA = {
    "type": "object",
    "properties": {"CNPJ": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    "required": ["CNPJ"],
    "additionalProperties": False,
}
QUESTION = (
    Message.of("system", "Answer with JSON."),
    Message.of("user", f'<document>\n<page number="1">\n{CANARY}\nCNPJ: 12.345.678/0001-95\n</page>\n</document>\nQual?'),
)


@dataclass(frozen=True)
class Case:
    """A provider, its fake, and how it names things."""

    name: str
    fake: Callable[[], FakeServer]
    build: Callable[[str, dict[str, float]], Provider]
    model: str
    embedder: str
    path: str
    faults: list[tuple[str, dict[str, Any], type[ProviderError]]]


def _ollama(url: str, patience: dict[str, float]) -> Provider:
    return ollama.Ollama(
        base_url=url, patience=ollama.Patience(prefill_tokens_per_second=1e9, load_bytes_per_second=1e12, **patience)
    )


_NAMES = {"first_token": "first", "between_tokens": "between", "load_floor": "listing"}


def _patience(patience: dict[str, float]) -> Patience:
    return Patience(**{_NAMES.get(name, name): value for name, value in patience.items()})


def _gemini(url: str, patience: dict[str, float]) -> Provider:
    return Gemini(base_url=url, patience=_patience(patience))


def _anthropic(url: str, patience: dict[str, float]) -> Provider:
    return Anthropic(base_url=url, api_key=KEY, patience=_patience(patience))


def _cohere(url: str, patience: dict[str, float]) -> Provider:
    return Cohere(base_url=url, api_key=KEY, patience=_patience(patience))


class FakeSigned(FakeBedrock):
    """Knows the canary as the secret of its key."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets = {ACCESS_KEY: KEY}


def _bedrock(url: str, patience: dict[str, float]) -> Provider:
    return Bedrock(base_url=url, access_key=ACCESS_KEY, secret_key=KEY, patience=_patience(patience))


def _shaped(cls: type[OpenAIShaped]) -> Callable[[str, dict[str, float]], Provider]:
    def build(url: str, patience: dict[str, float]) -> Provider:
        own = _patience(patience)
        return cls(base_url=url if cls is AzureOpenAI else f"{url}/v1", api_key=KEY, patience=own)

    return build


class FakeHost(FakeOpenAI):
    """Takes what other hosts take beside what OpenAI does, and tells the usage unasked."""

    def __init__(self) -> None:
        super().__init__()
        self.also_known = {"chat_template_kwargs", "thinking", "reasoning", "random_seed", "top_k"}
        self.unasked = self.shows_thoughts = True


def _deployments(url: str, patience: dict[str, float]) -> Provider:
    return AzureOpenAI(base_url=url, api_key=KEY, api_version=AZURE_VERSION, patience=_patience(patience))


SHAPED = [cls for cls in provider_classes() if issubclass(cls, OpenAIShaped)]
_FAKES = {"openai": FakeOpenAI, "azure": FakeAzure}
#: What does not say in its answers which model gave them.
NAMELESS = {"cohere", "bedrock"}
FAULTS = [
    ("refuse", {"status": 500}, ProviderError),
    ("refuse", {"status": 503}, ProviderRateLimited),
    ("refuse", {"status": 429, "retry_after": "3"}, ProviderRateLimited),
    ("refuse", {"status": 400}, QuestionRefused),
    ("refuse", {"status": 401}, ProviderAuthFailed),
    ("refuse", {"status": 403}, ProviderAuthFailed),
    ("refuse", {"status": 404}, ModelNotInstalled),
    ("cut", {}, ProviderError),
    ("garbage", {}, ProviderError),
    ("huge_line", {}, InvalidAnswer),
    ("endless_spaces", {}, InvalidAnswer),
]
CASES = [
    Case("ollama", FakeOllama, _ollama, "gemma3:1b", "nomic-embed-text", "/api/chat", [
        *FAULTS, ("oom", {}, ModelOutOfMemory), ("error_in_stream", {}, ProviderError),
        ("error_in_stream", {"message": "CUDA error: out of memory"}, ModelOutOfMemory),
    ]),
    Case("gemini", FakeGemini, _gemini, "gemini-2.5-flash", "gemini-embedding-001", ":streamGenerateContent", [
        *FAULTS, ("refuse", {"status": 504}, ProviderTimeout), ("error_in_stream", {}, ProviderRateLimited),
        ("blocked", {}, QuestionRefused), ("endless_tokens", {}, InvalidAnswer),
    ]),
    Case("anthropic", FakeAnthropic, _anthropic, "claude-sonnet-4-5", "", "/v1/messages", [
        *FAULTS, ("refuse", {"status": 529, "retry_after": "3"}, ProviderRateLimited), ("error_in_stream", {}, ProviderRateLimited),
        ("refuse", {"status": 504}, ProviderTimeout), ("refuse", {"status": 413}, DocumentTooLong),
        ("refuse", {"status": 400, "message": "prompt is too long: 210000 tokens > 200000 maximum"}, DocumentTooLong),
        ("refuse", {"status": 400, "message": "Your credit balance is too low to access the Anthropic API."}, ProviderRefused),
    ]),
    Case("cohere", FakeCohere, _cohere, "command-a-03-2025", "embed-v4.0", "/v2/chat", [
        *FAULTS, ("error_in_stream", {}, ProviderError), ("refuse", {"status": 504}, ProviderTimeout),
        ("refuse", {"status": 402}, ProviderRefused), ("refuse", {"status": 498}, QuestionRefused),
        ("refuse", {"status": 400, "message": "too many tokens: size limit exceeded by 200 tokens."}, DocumentTooLong),
        ("refuse", {"status": 429, "message": "You are using a Trial key, limited to 1000 API calls / month."}, ProviderRefused),
    ]),
    Case("bedrock", FakeSigned, _bedrock, f"us.{SONNET}", "", "/converse-stream", [
        *FAULTS, ("error_in_stream", {}, ProviderRateLimited), ("refuse", {"status": 408}, ProviderTimeout),
        ("refuse", {"status": 424}, ProviderError),
        ("refuse", {"status": 400, "message": "Input is too long for requested model."}, DocumentTooLong),
        ("refuse", {"status": 400, "message": "The provided model identifier is invalid."}, ModelNotInstalled),
    ]),
    *(Case(
        name, fake, build, "gpt-4o-mini", "text-embedding-3-small", "/chat/completions", [
            *FAULTS, ("oom", {}, ModelOutOfMemory), ("error_in_stream", {}, ProviderError),
            ("refuse", {"status": 504}, ProviderTimeout), ("refuse", {"status": 402}, ProviderRefused),
            ("refuse", {"status": 400, "message": "This model's maximum context length is 8192 tokens."}, DocumentTooLong),
            ("refuse", {"status": 429, "message": "insufficient_quota: check your billing"}, ProviderRefused),
        ],
    ) for name, fake, build in (
        *((cls.spec.name, _FAKES.get(cls.spec.name, FakeHost), _shaped(cls)) for cls in SHAPED), ("azure", FakeAzure, _deployments),
    )),
]  # fmt: skip
#: Hosts that speak OpenAI's dialect and have to be there.
ROWS = {"lmstudio", "llamacpp", "vllm", "tgi", "huggingface", "textgen", "grok", "azure", "openai", "compatible"}
EACH_FAULT = [pytest.param(case, *fault, id=f"{case.name}-{fault[0]}-{fault[1]}") for case in CASES for fault in case.faults]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
async def fake(case: Case) -> AsyncIterator[FakeServer]:
    async with case.fake() as server:
        yield server


@pytest.fixture
async def provider(case: Case, fake: FakeServer) -> AsyncIterator[Provider]:
    made = case.build(fake.url, {})
    yield made
    await made.close()


def takes_schema(provider: Provider) -> None:
    if not provider.spec.capabilities.json_schema:
        pytest.skip("it cannot be told the form of an answer")


def ask(case: Case, **changes: Any) -> ChatRequest:
    return ChatRequest(
        **{"model": case.model, "messages": QUESTION, "schema": SCHEMA, "max_tokens": 200, "api_key": KEY} | changes
    )


def assert_tells_nothing(error: ProviderError) -> None:
    told = " ".join(["".join(traceback.format_exception(error)), str(error.hint), json.dumps(error.as_job_error())])
    shown = " ".join([error.detail, str(error.hint)])
    assert KEY not in told and CANARY not in told
    assert "Traceback" not in shown and "/root" not in shown and "127.0.0.1" not in shown
    assert error.detail.endswith(".") and "\n" not in error.detail and len(error.detail) <= 320


def test_every_provider_of_the_folder_is_held_to_this() -> None:
    assert {cls.spec.name for cls in provider_classes()} == {case.name for case in CASES}
    assert {cls.spec.name for cls in SHAPED} >= ROWS
    for cls in provider_classes():
        spec = cls.spec
        assert isinstance(spec, ProviderSpec) and spec.title and spec.docs.startswith("https://")
        assert spec.default_url.startswith("http" if spec.default_url else "") and (
            spec.key_variable or not spec.capabilities.needs_key
        )
        assert not spec.dialect or callable(cls.forward)


async def test_a_document_is_read_and_the_reply_says_what_it_cost(case: Case, provider: Provider) -> None:
    takes_schema(provider)
    reply = await provider.chat(ask(case))
    assert json.loads(reply.text) == {"CNPJ": "12.345.678/0001-95"}
    assert reply.finish_reason == "stop" and reply.model == case.model
    assert reply.model_version or case.name in NAMELESS
    assert reply.usage.input_tokens > 10 and reply.usage.output_tokens > 3 and not reply.usage.estimated


def _bare(text: str) -> str:
    """Without blanks and escapes: Bedrock takes a schema as a text of its own."""
    return text.replace("\\", "").replace(" ", "")


async def test_the_schema_and_all_messages_go_out(case: Case, provider: Provider, fake: FakeServer) -> None:
    takes_schema(provider)
    await provider.chat(ask(case))
    (sent,) = fake.bodies(case.path)
    text = json.dumps(sent)
    assert _bare(json.dumps(SCHEMA)) in _bare(text)
    assert "Answer with JSON." in text and CANARY in text
    assert "null," not in json.dumps({name: value for name, value in sent.items() if name != "format"}).replace('"null"', "")
    assert KEY not in text


async def test_a_stream_gives_the_same_in_pieces(case: Case, provider: Provider) -> None:
    takes_schema(provider)
    async with aclosing(provider.stream(ask(case))) as pieces:
        deltas = [delta async for delta in pieces]
    assert json.loads("".join(delta.text for delta in deltas)) == {"CNPJ": "12.345.678/0001-95"}
    assert len(deltas) > 1
    assert [delta.finish_reason for delta in deltas[:-1]] == [None] * (len(deltas) - 1)
    assert deltas[-1].finish_reason == "stop" and deltas[-1].usage.output_tokens > 0


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [("prose", PROSE, "stop"), ("nothing", "", "stop"), ("half", '{"CNPJ": "12.34', "length")],
)
async def test_what_a_model_says_wrong_is_passed_on_as_it_is(
    case: Case, provider: Provider, fake: FakeServer, kind: str, text: str, reason: str
) -> None:
    takes_schema(provider)
    fake.fail(kind, times=1)
    reply = await provider.chat(ask(case))
    assert (reply.text, reply.finish_reason) == (text, reason)


async def test_an_answer_longer_than_its_cap_ends_with_length(case: Case, provider: Provider, fake: FakeServer) -> None:
    fake.answers.append("word " * 100_000)
    reply = await provider.chat(ask(case, schema=None))
    assert reply.finish_reason == "length" and len(reply.text) < 200_000


@pytest.mark.parametrize(("case", "kind", "details", "expected"), EACH_FAULT)
async def test_each_fault_is_a_typed_error_that_tells_nothing(
    case: Case, kind: str, details: dict[str, Any], expected: type[ProviderError]
) -> None:
    async with case.fake() as fake:
        provider = case.build(fake.url, {})
        fake.fail(kind, **details)
        with pytest.raises(ProviderError) as caught:
            await provider.chat(ask(case))
        await provider.close()
    error = caught.value
    assert type(error) is expected, error
    assert_tells_nothing(error)
    if details.get("retry_after"):
        assert error.retry_after == float(details["retry_after"])


@pytest.mark.parametrize(
    ("kind", "patience"),
    [
        ("hang_headers", {"first_token": 0.05, "load_floor": 0.05}),
        ("hang_stream", {"between_tokens": 0.05}),
        ("drip", {"total": 0.2}),
    ],
)
async def test_every_wait_has_an_end_and_the_upstream_is_let_go(
    case: Case, fake: FakeServer, kind: str, patience: dict[str, float]
) -> None:
    fake.fail(kind, seconds=0.1)
    fake.answers.append("x" * 400)
    for slack in (1, 5, 25):  # a machine that stands still may spend the whole wait before the question is out
        provider = case.build(fake.url, {name: seconds * slack for name, seconds in patience.items()})
        with pytest.raises(ProviderTimeout) as caught:
            await provider.chat(ask(case, schema=None))
        assert_tells_nothing(caught.value)
        if fake.requests:
            break
        await provider.close()
    async with asyncio.timeout(2):
        await fake.hung_up.wait()
    await provider.close()


@pytest.mark.parametrize("kind", ["hang_headers", "hang_stream"])
async def test_a_cancelled_question_closes_its_connection(case: Case, provider: Provider, fake: FakeServer, kind: str) -> None:
    fake.fail(kind)
    question = asyncio.create_task(provider.chat(ask(case)))
    async with asyncio.timeout(5):
        while not fake.bodies(case.path):
            await asyncio.sleep(0.005)
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question
    async with asyncio.timeout(1):
        await fake.hung_up.wait()


async def test_a_stream_left_early_closes_its_connection(case: Case, provider: Provider, fake: FakeServer) -> None:
    fake.fail("hang_stream")
    async with aclosing(provider.stream(ask(case))) as pieces:
        async for _ in pieces:
            break
    async with asyncio.timeout(1):
        await fake.hung_up.wait()


async def test_nobody_there_is_unreachable_with_the_cure(case: Case, fake: FakeServer) -> None:
    await fake.stop()
    provider = case.build(fake.url, {})
    with pytest.raises(ProviderUnreachable) as caught:
        await provider.chat(ask(case))
    assert_tells_nothing(caught.value)
    assert caught.value.retryable and "builtin" in caught.value.hint
    await provider.close()


async def test_an_unknown_model_is_not_installed_and_the_hint_says_what_to_do(case: Case, provider: Provider) -> None:
    with pytest.raises(ModelNotInstalled) as caught:
        await provider.chat(ask(case, model="no-such-model"))
    assert "no-such-model" in caught.value.detail and "/models/" in caught.value.hint


async def test_models_are_listed_with_their_context(case: Case, provider: Provider) -> None:
    listed = {info.name: info for info in await provider.list_models(KEY)}
    assert listed[case.model].context > 1000 and "completion" in listed[case.model].capabilities
    assert {info.provider for info in listed.values()} == {case.name}


async def test_texts_become_vectors_in_their_order(case: Case, provider: Provider) -> None:
    if not provider.spec.capabilities.embed:
        with pytest.raises(ProviderError):
            await provider.embed("any", ["one"], api_key=KEY)
        return
    one, two = (await provider.embed(case.embedder, ["one", "two"], api_key=KEY)).vectors
    again, _ = (await provider.embed(case.embedder, ["one", "other"], api_key=KEY)).vectors
    assert one == again and one != two and len(one) == len(two) == 8


async def test_many_questions_at_once_do_not_mix(case: Case, provider: Provider, fake: FakeServer) -> None:
    takes_schema(provider)

    def told(number: int) -> tuple[Message, ...]:
        return (Message.of("user", f"<document>CNPJ: 12.345.678/{number:04d}-95</document>"),)

    replies = await asyncio.gather(*(provider.chat(ask(case, messages=told(number))) for number in range(40)))
    assert [json.loads(reply.text)["CNPJ"][11:15] for reply in replies] == [f"{number:04d}" for number in range(40)]


async def test_closing_may_come_twice_and_before_the_first_use(case: Case) -> None:
    provider = case.build("http://127.0.0.1:1", {})
    await provider.close()
    await provider.close()


@pytest.mark.parametrize("status", [200, 204, 302, 400, 404, 418, 429, 500, 502, 503])
def test_any_status_and_body_is_classified(case: Case, status: int) -> None:
    provider = case.build("http://127.0.0.1:1", {})
    bodies = [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"<html>",
        b'{"error": null}',
        b'{"error": 7}',
        b"\xff\xfe",
        b'{"error":{"details":[1]}}',
    ]
    for body in [*bodies, b'{"detail": [1, {"loc": 1}]}', b'{"error": {"code": [], "param": {}, "message": {}}}']:
        error = provider.classify(status, body, "soon")
        assert isinstance(error, ProviderError), body
        assert_tells_nothing(error)
