import asyncio

import orjson
import pytest

from core.errors import ProviderError
from providers.types import ChatDelta
from tests.unit.api.fronting import DELTAS, Forwarder, ask, front

QUESTION = {"model": "m", "messages": []}


async def test_a_translated_answer_is_whole():
    async with front(Forwarder("http://unused", None)) as server:
        status, headers, body = await ask(server, QUESTION)
    assert (status, orjson.loads(body)) == (200, {"text": "Hello"}) and headers["x-myelin-attempts"] == "1"
    assert server.rows[0]["outcome"] == "ok" and server.rows[0]["usage"].output_tokens == 2


async def test_a_translated_stream_is_told_piece_by_piece():
    async with front(Forwarder("http://unused", None)) as server:
        status, headers, body = await ask(server, QUESTION | {"stream": True})
    assert status == 200 and headers["x-accel-buffering"] == "no"
    first, *pieces, last = body.split(b"\n\n")[:-1]
    assert (first, last) == (b"FIRST", b"LAST") and [orjson.loads(piece)["text"] for piece in pieces] == ["Hel", "lo", ""]
    assert server.rows[0]["outcome"] == "ok" and server.rows[0]["told"] == 5


@pytest.mark.parametrize("deltas", [(DELTAS[0],), (DELTAS[0], ProviderError("Lost."))])
async def test_a_stream_that_breaks_says_so_instead_of_ending(deltas):
    async with front(Forwarder("http://unused", None, deltas)) as server:
        _, _, body = await ask(server, QUESTION | {"stream": True})
    assert body.endswith(b"FAILED provider_error\n\n") and b"LAST" not in body and server.rows[0]["outcome"] == "error"


async def test_what_breaks_before_the_first_content_is_tried_again_then_refused():
    provider = Forwarder("http://unused", None, (ChatDelta(), ProviderError("Lost.")))
    async with front(provider) as server:
        status, headers, body = await ask(server, QUESTION | {"stream": True})
    assert status == 502 and orjson.loads(body)["error"]["message"] == "Lost." and provider.closed == 2
    assert headers["x-should-retry"] == "false" and server.rows[0]["outcome"] == "error"


async def test_a_silent_translated_stream_is_kept_open():
    late = asyncio.Event()
    provider = Forwarder("http://unused", None, (late.wait, *DELTAS))

    async with front(provider, ping=0.02) as server:
        _, _, body = await ask(server, QUESTION | {"stream": True}, late.set)
    assert body.startswith(b"FIRST\n\n: ping\n\n") and body.endswith(b"LAST\n\n") and body.count(b"FIRST") == 1


BAD = {
    b"{": "not JSON", b"[]": "not a JSON object", b'{"model": NaN}': "not JSON", b'{"model": "\\ud800"}': "not JSON",
    b'{"model":"m","model":"other"}': "twice", b'{"model":"m","messages":[{"a":1,"a":1}]}': "twice",
    b'{"model":"m","messages":' + b"[" * 100 + b"]" * 100 + b"}": "deeper", b"\xff": "not JSON", b"": "not JSON",
    b'{"messages":[]}': "model is missing", b'{"model":7}': "model is missing", b'{"model":"m","stream":"yes"}': "true or false",
    b'{"model":"m","messages":[' + b"[]," * 250_000 + b"[]]}": "too many", b'{"m":[' + b"1," * 2_100_000 + b"1]}": "too many",
}  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=lambda body: body[:40].decode("latin-1"))
async def test_what_cannot_be_read_is_refused_in_the_dialect_and_entered(body):
    async with front(Forwarder("http://unused", None)) as server:
        status, headers, told = await ask(server, body)
    error = orjson.loads(told)["error"]
    assert status == 400 and error["type"] == "invalid_request_error" and BAD[body] in error["message"]
    assert headers["content-type"] == "application/json" and server.rows[0]["outcome"] == "error"


async def test_null_is_not_said():
    async with front(Forwarder("http://unused", None)) as server:
        status, headers, body = await ask(server, QUESTION | {"stream": None})
    assert (status, headers["content-type"]) == (200, "application/json") and orjson.loads(body)


async def test_escaped_colons_are_no_twins():
    async with front(Forwarder("http://unused", None)) as server:
        status, _, _ = await ask(server, b'{"model":"m","messages":[],"x":"a\\u003ab"}')
    assert status == 200


async def test_the_connection_is_kept_after_an_error_and_closed_when_the_body_was_not_read():
    async with front(Forwarder("http://unused", None)) as server:
        _, headers, _ = await ask(server, b"{")
        assert "connection" not in headers
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 401 " in head and b"connection: close" in head
        writer.close()
