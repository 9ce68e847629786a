"""The bodies of all questions that are under way at one time."""

import asyncio

import pytest

from api.limits import Held
from core.errors import Overloaded
from tests.unit.api.fronting import KEY, Forwarder, Upstream, ask, asking, front
from tests.unit.api.test_passing import QUESTION, whole

LONG = QUESTION | {"messages": [{"role": "user", "content": "x" * 5000}]}


async def test_what_does_not_fit_beside_the_others_is_told_to_come_again_and_fits_when_they_are_over():
    answer = asyncio.Event()

    async def slowly(request):
        await answer.wait()
        return await whole(request)

    async with Upstream(slowly) as upstream, front(Forwarder(upstream.url), held_bytes=8000) as server:
        async with asking(server, LONG) as (reader, _):
            while not upstream.requests:
                await asyncio.sleep(0)
            status, headers, body = await ask(server, LONG)
            assert (status, headers["retry-after"]) == (503, "1") and b"room" in body
            answer.set()
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            while server.tasks:
                await asyncio.wait(server.tasks, timeout=1)
        assert (await ask(server, LONG))[0] == 200


async def test_a_body_of_unknown_length_is_counted_while_it_comes():
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with Upstream(whole) as upstream, front(Forwarder(upstream.url), held_bytes=8000) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head.encode() + b"1f41\r\n" + b" " * 8001)
        assert (await reader.readline()).startswith(b"HTTP/1.1 503")
        writer.close()
        assert (await ask(server, LONG))[0] == 200


def test_what_was_taken_beyond_the_limit_is_given_back_too():
    held = Held(10)
    held.take(6)
    with pytest.raises(Overloaded):
        held.check(5)
    with pytest.raises(Overloaded):
        held.take(5)
    held.give_back(11)
    held.take(10)
