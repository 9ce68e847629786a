"""What the gate does for the fronts: it finds them, speaks their dialect and holds each key to one rate."""

import asyncio
from types import SimpleNamespace

import orjson
import pytest
from fastapi import FastAPI

from api.credentials import Credentials
from api.fronts import at
from api.gate import Gate
from api.limits import Buckets
from api.policy import Principal, Role
from tests.unit.api.asgi import call

KEY, OWN = "operator-key-1234567890", "pbpm-own-rate-1234567890"


async def told(exchange):
    await exchange.body()
    await exchange.reply(orjson.dumps({"path": exchange.scope["path"], "key": exchange.principal.key_id}), [])


async def gate(rate: int = 0, clock=lambda: 0.0):
    app = FastAPI(openapi_url=None)
    app.state.house = SimpleNamespace()
    credentials = Credentials(KEY, "master-key-0123456789", b"pepper", lambda: asyncio.sleep(0, {}))
    # A client whose key has a rate of its own, which the ledger watches.
    credentials._fixed[credentials.digest(OWN)] = Principal(Role.CLIENT, "own", SimpleNamespace(rpm=9))
    rules = [
        at("/v1/chat/completions", told, "openai"),
        at("/v1/messages", told, "anthropic"),
        at("/v1/models/{id}", told, "openai", methods=("GET",)),
        at("/api/chat", told, "ollama"),
        at("/api/pull", told, "ollama", roles=(Role.OPERATOR,)),
    ]
    return Gate(app, rules=rules, credentials=credentials, buckets=Buckets(rate, clock), file_bytes=1 << 20,
                allowed_hosts=("*",), trusted_proxies=())  # fmt: skip


def bearer(key):
    return [("Authorization", f"Bearer {key}")]


@pytest.mark.parametrize("name", ["m", "a/b", "a/b:c", "hf.co/x/y:Q4_K_M"])
async def test_names_with_slashes_and_colons_lead_to_their_model(name):
    got = await call(await gate(), "GET", f"/v1/models/{name}", bearer(KEY))
    assert got.json == {"path": f"/v1/models/{name}", "key": "operator"}


SHAPES = {
    "/v1/chat/completions": lambda body: body["error"]["message"] and body["error"]["code"] and body["error"]["type"],
    "/v1/nothing": lambda body: body["error"]["message"] and body["error"]["code"] == "not_found",
    "/v1/messages": lambda body: body["type"] == "error" and body["error"]["type"] and body["error"]["message"],
    "/v1/messages/nothing": lambda body: body["type"] == "error" and body["error"]["type"] == "not_found_error",
    "/api/chat": lambda body: isinstance(body["error"], str) and list(body) == ["error"],
    "/api/nothing": lambda body: isinstance(body["error"], str) and list(body) == ["error"],
    "/nothing": lambda body: body["code"] == "not_found" and body["hint"],
}


@pytest.mark.parametrize("path", SHAPES)
async def test_a_refusal_is_in_the_dialect_of_its_address(path):
    got = await call(await gate(), "POST", path, [])
    assert got.status in (401, 404) and SHAPES[path](got.json) and got.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/v1/models/x", "/v1/nothing"])
async def test_a_refusal_is_in_anthropics_dialect_for_its_clients(path):
    got = await call(await gate(), "GET", path, [("anthropic-version", "2023-06-01")])
    assert got.status in (401, 404) and got.json["type"] == "error"


async def test_a_slash_at_the_end_changes_nothing_at_a_front():
    assert (await call(await gate(), "POST", "/v1/chat/completions/", bearer(KEY))).status == 200
    assert (await call(await gate(), "POST", "/nothing/", bearer(KEY))).status == 404


async def test_an_unknown_api_address_is_never_served():
    got = await call(await gate(), "POST", "/api/blobs/sha256:1", bearer(KEY), b"{}")
    assert got.status == 404 and isinstance(got.json["error"], str)


async def test_a_body_over_the_limit_is_refused_unread_in_the_dialect():
    got = await call(await gate(), "POST", "/v1/messages", [*bearer(KEY), ("Content-Length", str(50 << 20))])
    assert got.status == 413 and got.json["error"]["type"] == "request_too_large" and got.received == 0


async def test_the_methods_of_an_address_are_told_in_the_dialect():
    got = await call(await gate(), "GET", "/v1/chat/completions", bearer(KEY))
    assert got.status == 405 and got.headers["allow"] == "POST" and got.json["error"]["code"] == "method_not_allowed"


async def test_only_the_operator_pulls():
    assert (await call(await gate(), "POST", "/api/pull", bearer(KEY))).status == 200
    refused = await call(await gate(), "POST", "/api/pull", bearer(OWN))
    assert refused.status == 403 and "operator" in refused.json["error"]


async def test_a_compressed_body_is_refused():
    got = await call(await gate(), "POST", "/api/chat", [*bearer(KEY), ("Content-Encoding", "gzip")], b"x")
    assert got.status == 400 and "compressed" in got.json["error"]


async def test_a_body_that_breaks_off_is_no_body():
    served = await gate()
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    scope = {"type": "http", "method": "POST", "path": "/api/chat", "headers": [(b"key", KEY.encode())], "client": ("1.1.1.1", 1)}
    sent = []
    await served(scope, lambda: asyncio.sleep(0, messages.pop(0)), lambda message: asyncio.sleep(0, sent.append(message)))
    assert sent[0]["status"] == 400


async def test_the_common_rate_holds_at_the_fronts():
    served = await gate(rate=60)
    statuses = [(await call(served, "POST", "/api/chat", bearer(KEY))).status for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    refused = await call(served, "POST", "/api/chat", bearer(KEY))
    assert int(refused.headers["retry-after"]) >= 1 and isinstance(refused.json["error"], str)


async def test_a_key_with_a_rate_of_its_own_is_held_to_no_other():
    served = await gate(rate=60)
    statuses = {(await call(served, "POST", "/api/chat", bearer(OWN))).status for _ in range(50)}
    assert statuses == {200}
    # Its address has spent nothing, so that others behind the same address are not held up by it.
    assert (await call(served, "POST", "/api/chat", bearer(KEY))).status == 200


async def test_guessing_keys_is_held_to_the_rate_of_the_address():
    served = await gate(rate=60)
    statuses = [(await call(served, "POST", "/api/chat", bearer(f"pbpm-guess-{index:020}"))).status for index in range(12)]
    assert statuses == [401] * 10 + [429] * 2
