import asyncio
from itertools import count

import orjson
import pytest
from aiohttp import web

from tests.unit.api.fronting import Forwarder, Upstream, ask, front

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
REPLY = {
    "id": "a", "object": "chat.completion", "model": "m", "extra": {"kept": 1.50}, "usage": USAGE,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
}  # fmt: skip


def chunk(delta, finish=None, **more):
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}] if delta is not None else []
    return b"data: " + orjson.dumps({"id": "a", "choices": choices, **more}) + b"\n\n"


ROLE, WORD, END = chunk({"role": "assistant", "content": ""}), chunk({"content": "Hello"}), chunk({}, "stop")
COUNT, DONE = chunk(None, usage=USAGE), b"data: [DONE]\n\n"


def streaming(*pieces, status=200):
    """A handler that writes the pieces, one each turn of the loop; a callable is awaited."""

    async def handle(request):
        response = web.StreamResponse(status=status, headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await (piece() if callable(piece) else response.write(piece))
        return response

    return handle


def one_after_another(*handlers):
    left = list(handlers)

    async def handle(request):
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return handle


async def whole(_request):
    return web.Response(body=orjson.dumps(REPLY, option=orjson.OPT_INDENT_2), content_type="application/json")


async def test_a_whole_answer_goes_through_byte_for_byte_and_is_counted():
    async with Upstream(whole) as upstream, front(Forwarder(upstream.url)) as server:
        status, headers, body = await ask(server, QUESTION | {"think": True, "seed": 7})
    assert (status, body) == (200, orjson.dumps(REPLY, option=orjson.OPT_INDENT_2))
    assert headers["x-myelin-provider"] == "fake" and headers["x-myelin-attempts"] == "1"
    assert float(headers["x-myelin-overhead-ms"]) >= 0
    assert upstream.requests[0].body == QUESTION | {"seed": 7}
    [row] = server.rows
    assert row["outcome"] == "ok" and row["usage"].input_tokens == 9 and row["finish_reason"] == "stop"


@pytest.mark.parametrize("cut", [1, 7, 1000])
async def test_a_stream_goes_through_in_whole_events_and_our_count_is_taken_out(cut):
    said = ROLE + WORD + END + COUNT + DONE
    pieces = [said[start : start + cut] for start in range(0, len(said), cut)]
    async with Upstream(streaming(*pieces)) as upstream, front(Forwarder(upstream.url)) as server:
        status, headers, body = await ask(server, QUESTION | {"stream": True})
    assert (status, body) == (200, ROLE + WORD + END + DONE)
    assert headers["cache-control"] == "no-cache" and headers["x-accel-buffering"] == "no"
    assert upstream.requests[0].body["stream_options"] == {"include_usage": True}
    [row] = server.rows
    assert row["outcome"] == "ok" and row["usage"].output_tokens == 2 and row["first"] and row["told"] > 0


async def test_a_client_that_asked_for_the_count_gets_it():
    async with Upstream(streaming(ROLE, WORD, END, COUNT, DONE)) as upstream, front(Forwarder(upstream.url)) as server:
        _, _, body = await ask(server, QUESTION | {"stream": True, "stream_options": {"include_usage": True}})
    assert body == ROLE + WORD + END + COUNT + DONE


@pytest.mark.parametrize("pieces", [(ROLE, WORD), (ROLE, WORD, DONE), (ROLE, WORD, WORD[:-9])])
async def test_a_stream_without_its_end_is_an_error_in_the_stream(pieces):
    read = asyncio.Event()
    handle = streaming(*pieces[:2], read.wait, *pieces[2:])
    async with Upstream(handle) as upstream, front(Forwarder(upstream.url)) as server:
        status, _, body = await ask(server, QUESTION | {"stream": True}, read.set)
    assert status == 200 and body.startswith(ROLE + WORD) and DONE not in body
    assert orjson.loads(body.split(b"data: ")[-1])["error"]["code"] == "provider_error"
    assert server.rows[0]["outcome"] == "error" and len(upstream.requests) == 1


async def test_an_error_that_the_provider_tells_in_the_stream_is_told_once():
    told = b'data: {"error": {"message": "boom"}}\n\n'
    read = asyncio.Event()
    async with Upstream(streaming(ROLE, WORD, read.wait, told)) as upstream, front(Forwarder(upstream.url)) as server:
        _, _, body = await ask(server, QUESTION | {"stream": True}, read.set)
    assert body == ROLE + WORD + told and server.rows[0]["outcome"] == "error"


@pytest.mark.parametrize(
    "fault",
    [streaming(ROLE), streaming(b'data: {"error": {"message": "boom"}}\n\n'), streaming(b"", status=500), streaming(DONE)],
)
async def test_what_fails_before_the_first_content_is_tried_again_and_leaves_no_trace(fault):
    handle = one_after_another(fault, streaming(ROLE, WORD, END, DONE))
    async with Upstream(handle) as upstream, front(Forwarder(upstream.url)) as server:
        status, headers, body = await ask(server, QUESTION | {"stream": True})
    assert (status, body, headers["x-myelin-attempts"]) == (200, ROLE + WORD + END + DONE, "2")
    assert server.rows[0]["attempts"] == 2


async def test_when_the_tries_are_used_up_the_client_shall_not_multiply_them():
    async with Upstream(streaming(b"", status=429)) as upstream, front(Forwarder(upstream.url)) as server:
        status, headers, body = await ask(server, QUESTION | {"stream": True})
    assert status == 503 and headers["x-should-retry"] == "false" and "retry-after" in headers and len(upstream.requests) == 2
    assert orjson.loads(body)["error"]["code"] == "provider_rate_limited"
    assert (server.rows[0]["outcome"], server.rows[0]["attempts"]) == ("error", 2)


@pytest.mark.parametrize("text", ["<html>", "[]", '{"a": 1}', '{"error": {"message": "no"}, "choices": []}'])
async def test_what_is_no_answer_is_not_passed_on(text):
    async def page(_request):
        return web.Response(text=text, content_type="text/html")

    async with Upstream(page) as upstream, front(Forwarder(upstream.url)) as server:
        status, _, body = await ask(server, QUESTION)
    assert status == 502 and orjson.loads(body)["error"]["type"] == "api_error"


async def test_a_silent_stream_is_kept_open_and_an_answer_that_comes_then_is_whole():
    late, heard = asyncio.Event(), count(1)
    handle = streaming(late.wait, ROLE, WORD, END, DONE)
    async with Upstream(handle) as upstream, front(Forwarder(upstream.url), ping=0.02) as server:
        _, _, body = await ask(server, QUESTION | {"stream": True}, lambda: next(heard) == 2 and late.set())
    assert body.startswith(b": ping\n\n: ping\n\n") and body.endswith(ROLE + WORD + END + DONE)


async def test_a_stream_that_does_not_begin_has_a_deadline_of_its_own():
    forever = asyncio.Event()
    async with (
        Upstream(streaming(ROLE, forever.wait)) as upstream,
        front(Forwarder(upstream.url), first_content=0.05, tries=1) as server,
    ):
        status, _, body = await ask(server, QUESTION | {"stream": True})
        assert (status, orjson.loads(body)["error"]["code"]) == (504, "provider_timeout")
        await upstream.hung_up.wait()


async def test_a_stream_has_a_deadline_in_all():
    forever = asyncio.Event()
    async with Upstream(streaming(ROLE, WORD, forever.wait)) as upstream, front(Forwarder(upstream.url), total=0.1) as server:
        _, _, body = await ask(server, QUESTION | {"stream": True})
        assert b"provider_timeout" in body and server.rows[0]["outcome"] == "error"
        await upstream.hung_up.wait()


async def test_the_end_is_told_although_the_upstream_holds_the_line():
    forever = asyncio.Event()
    async with Upstream(streaming(ROLE, WORD, END, DONE, forever.wait)) as upstream, front(Forwarder(upstream.url)) as server:
        _, _, body = await ask(server, QUESTION | {"stream": True})
        assert body == ROLE + WORD + END + DONE
        await upstream.hung_up.wait()
