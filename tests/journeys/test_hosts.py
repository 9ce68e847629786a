"""Documents are answered by any provider that the settings name, by OpenAI itself or by a host of the operator's own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.fakes.openai import FakeOpenAI
from tests.journeys.conftest import in_a_thread
from tests.journeys.server import KEY as OPERATOR
from tests.journeys.server import Server, running
from tests.journeys.test_documents import ask

KEY, OWN_KEY = "sk-of-the-operator-0123456789", "key-of-the-host-0123456789"


@pytest.fixture(scope="module")
def openai() -> Iterator[FakeOpenAI]:
    with in_a_thread(FakeOpenAI()) as fake:
        yield fake


@pytest.fixture(scope="module")
def own() -> Iterator[FakeOpenAI]:
    fake = FakeOpenAI()
    fake.models = {"llama-3.3-70b": 32_768}
    fake.unasked = True
    with in_a_thread(fake):
        yield fake


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, openai: FakeOpenAI, own: FakeOpenAI) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("hosts") / "data"
    settings = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{openai.url}/v1", "PROVIDERS": f"interno={own.url}/v1|{OWN_KEY}"}
    with running(folder, **settings) as started:
        yield started


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "gpt-5-mini"), ("openai", "gpt-4o-mini"), ("interno", "llama-3.3-70b")]
)
@pytest.mark.parametrize("wanted", [{"cnpj": ""}, [{"cnpj": ""}]])
def test_a_document_is_answered_with_evidence(client, openai, own, provider: str, model: str, wanted: object) -> None:
    asked = {"prompt": "Extraia o CNPJ", "format_response": json.dumps(wanted), "ai_provider": provider, "model": model}
    job = ask(client, "nota.pdf", **asked).json()
    assert job["status"] == "done", job["error"]
    assert (job["ai_provider"], job["model"], job["routed_because"]) == (provider, model, "requested")
    assert type(job["response"]) is type(wanted)
    (path, told), *_ = job["evidence"].items()
    assert told["grounded"] and path.endswith("/cnpj") and told["value"]
    assert job["usage"]["input_tokens"] > 0 and job["usage"]["estimated"] is False
    fake, key = (openai, KEY) if provider == "openai" else (own, OWN_KEY)
    assert fake.requests[-1].headers["authorization"] == f"Bearer {key}"


def test_a_model_that_is_not_named_is_found(client, own) -> None:
    job = ask(client, "nota.pdf", format_response='{"cnpj": ""}', ai_provider="interno").json()
    assert job["status"] == "done" and job["model"] == "llama-3.3-70b" and job["routed_because"].startswith("auto: ")


def test_a_provider_without_settings_is_unknown_and_those_there_are_named(client) -> None:
    answer = ask(client, "nota.pdf", ai_provider="anthropic")
    assert answer.status_code == 422 and "interno" in answer.text and "openai" in answer.text


def test_what_a_provider_refuses_fails_the_job_without_its_secrets(client, openai, server) -> None:
    openai.fail("refuse", status=401, times=1)
    job = ask(client, "nota.pdf", format_response='{"cnpj": ""}', ai_provider="openai", model="gpt-4o-mini").json()
    assert job["status"] == "failed" and job["error"]["code"] == "provider_auth_failed"
    assert "OPENAI_API_KEY" in job["error"]["hint"] and KEY not in json.dumps(job)
    log = server.log.read_text()
    assert KEY not in log and OWN_KEY not in log


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "interno/llama-3.3-70b"])
def test_openais_own_sdk_talks_through_the_server_to_both(server, openai, own, model: str) -> None:
    tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
             for name in ("weather", "time")]  # fmt: skip
    asked = {"model": model, "messages": [{"role": "user", "content": "Call weather and time"}]}
    fake = openai if model.startswith("openai/") else own
    with OpenAI(base_url=f"{server.url}/v1", api_key=OPERATOR, max_retries=0) as sdk:
        fake.answers = ["Hello."]
        reply = sdk.chat.completions.create(**asked)
        assert reply.choices[0].message.content == "Hello." and reply.usage.completion_tokens == 2
        fake.answers = ["Hello there."]
        pieces = list(sdk.chat.completions.create(**asked, stream=True))
        assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == "Hello there."
        with sdk.chat.completions.stream(**asked, tools=tools) as stream:
            calls = stream.get_final_completion().choices[0].message.tool_calls
        assert [call.function.name for call in calls] == ["weather", "time"]
        assert model.partition("/")[2] in [one["model"] for one in fake.bodies("/chat/completions")]
        assert model.partition("/")[2] in [one.id for one in sdk.models.list()]
    assert {one.headers["authorization"] for one in fake.requests} <= {f"Bearer {KEY}", f"Bearer {OWN_KEY}"}
