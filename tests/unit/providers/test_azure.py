import json
from collections.abc import AsyncIterator

import pytest

from core.errors import ModelNotInstalled, ProviderRefused
from providers.azure import AzureOpenAI
from providers.types import ChatRequest, Message
from tests.fakes.azure import VERSION, FakeAzure

ASK = ChatRequest("gpt-4o-mini", (Message.of("user", "Hello?"),))


@pytest.fixture
async def fake() -> AsyncIterator[FakeAzure]:
    async with FakeAzure() as server:
        yield server


@pytest.mark.parametrize(
    ("suffix", "version", "path", "query"),
    [
        ("", None, "/openai/v1", {}),
        ("/", "", "/openai/v1", {}),
        ("/openai/v1/", None, "/openai/v1", {}),
        ("", VERSION, "/openai/deployments/gpt-4o-mini", {"api-version": VERSION}),
        ("/openai", VERSION, "/openai/deployments/gpt-4o-mini", {"api-version": VERSION}),
    ],
)
async def test_both_forms_of_addresses(
    fake: FakeAzure, suffix: str, version: str | None, path: str, query: dict[str, str]
) -> None:
    azure = AzureOpenAI(base_url=fake.url + suffix, api_key="key", api_version=version)
    fake.answers = ["Hello."] * 2
    assert (await azure.chat(ASK)).text == "Hello."  # its first chunk has no choices
    body = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hi"}]}'
    async with azure.forward("/chat/completions", body, stream=False) as response:
        assert json.loads(await response.read())["choices"][0]["message"]["content"] == "Hello."
    assert {(one.path, tuple(one.query.items())) for one in fake.requests} == {(f"{path}/chat/completions", tuple(query.items()))}
    assert {one.headers["api-key"] for one in fake.requests} == {"key"} and "authorization" not in fake.requests[0].headers
    assert fake.requests[1].raw == body
    assert {info.name for info in await azure.list_models()} == set(fake.models)
    await azure.close()


async def test_deployments_that_were_named_are_the_list(fake: FakeAzure) -> None:
    azure = AzureOpenAI(base_url=fake.url, api_key="key", models=("prod-gpt",))
    assert [info.name for info in await azure.list_models()] == ["prod-gpt"] and not fake.requests
    await azure.close()


async def test_the_name_of_a_deployment_cannot_leave_its_place(fake: FakeAzure) -> None:
    azure = AzureOpenAI(base_url=fake.url, api_key="key", api_version=VERSION)
    with pytest.raises(ModelNotInstalled):
        await azure.chat(ChatRequest("../../x?y", ASK.messages))
    assert fake.requests[0].path == "/openai/deployments/../../x?y/chat/completions"  # decoded: it was sent as %2F and %3F
    assert fake.requests[0].query == {"api-version": VERSION}
    for body in (b"{}", b"[]", b"no", b'{"model":7}'):
        with pytest.raises(ProviderRefused, match="name of a deployment"):
            async with azure.forward("/chat/completions", body, stream=False):
                raise AssertionError
    assert len(fake.requests) == 1
    await azure.close()
