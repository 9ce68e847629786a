"""Signatures as AWS verifies them (the fake's own words of the documentation), bearer keys, and what is missing."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.errors import ProviderAuthFailed
from providers.bedrock_signing import Signer, signing
from tests.fakes.bedrock_signatures import ACCESS_KEY, SECRET_KEY, is_signed

HOST = "https://bedrock-runtime.us-east-1.amazonaws.com"
SIGNER = Signer("us-east-1", access_key=ACCESS_KEY, secret_key=SECRET_KEY)


@pytest.fixture
def unloaded() -> Iterator[None]:
    signing.cache_clear()
    yield
    signing.cache_clear()


async def verified(
    signer: Signer, method: str, path: str, body: bytes | None, *, sent: bytes | None = None, region: str = "us-east-1"
) -> bool:
    headers = await signer.headers(method, HOST + path, body)
    told = {name.lower(): value for name, value in headers.items()} | {"host": urlsplit(HOST).netloc}
    return is_signed(method, path, told, (body if sent is None else sent) or b"", {ACCESS_KEY: SECRET_KEY}, region)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream", b"{}"),
        (
            "POST",
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.x-v1%3A0/converse",
            "{é}".encode(),
        ),
        ("POST", "/model/x/converse", bytes(1 << 20)),
        ("GET", "/foundation-models", None),
        ("GET", "/inference-profiles?maxResults=1000&nextToken=a%2Bb%3D", None),
    ],
)
async def test_what_is_signed_is_verified(method: str, path: str, body: bytes | None) -> None:
    assert await verified(SIGNER, method, path, body)
    assert not await verified(SIGNER, method, path, body, sent=b"other")
    assert not await verified(SIGNER, method, path, body, region="eu-west-1")
    assert not await verified(Signer("us-east-1", access_key=ACCESS_KEY, secret_key="other"), method, path, body)


@pytest.mark.parametrize(("size", "apart"), [(1000, False), (1 << 20, True)])
async def test_what_takes_long_is_done_beside_the_loop(
    unloaded: None, monkeypatch: pytest.MonkeyPatch, size: int, apart: bool
) -> None:
    """botocore is imported there once, and large bodies are signed there."""
    called: list[str] = []

    async def beside(function: Any, *arguments: Any) -> Any:
        called.append(function.__name__)
        return function(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", beside)
    for _ in range(2):
        await SIGNER.headers("POST", HOST, bytes(size))
    assert called == (["signing", "_signed", "_signed"] if apart else ["signing"])


async def test_the_token_of_a_temporary_key_is_signed_too() -> None:
    signer = Signer("us-east-1", access_key=ACCESS_KEY, secret_key=SECRET_KEY, session_token="temporary")
    headers = await signer.headers("GET", f"{HOST}/foundation-models", None)
    assert headers["X-Amz-Security-Token"] == "temporary" and "x-amz-security-token" in headers["Authorization"]
    assert await verified(signer, "GET", "/foundation-models", None)


async def test_a_bearer_key_wins_and_needs_no_botocore(unloaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    signer = Signer("us-east-1", bearer="key", access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    assert await signer.headers("POST", HOST, b"{}") == {"Authorization": "Bearer key"}


async def test_without_botocore_the_error_tells_the_cure(unloaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    for _ in range(2):
        with pytest.raises(ProviderAuthFailed, match="needs botocore") as caught:
            await SIGNER.headers("POST", HOST, b"{}")
        assert "pip install botocore" in caught.value.hint and "AWS_BEARER_TOKEN_BEDROCK" in caught.value.hint


@pytest.mark.parametrize("signer", [Signer("us-east-1"), Signer("us-east-1", access_key=ACCESS_KEY)])
async def test_without_a_key_the_error_names_the_settings(signer: Signer) -> None:
    with pytest.raises(ProviderAuthFailed) as caught:
        await signer.headers("POST", HOST, b"{}")
    assert "AWS_SECRET_ACCESS_KEY" in caught.value.hint


def test_secrets_are_not_shown() -> None:
    assert SECRET_KEY not in repr(Signer("r", "b" * 20, ACCESS_KEY, SECRET_KEY, "t" * 20)) and ACCESS_KEY not in repr(SIGNER)
