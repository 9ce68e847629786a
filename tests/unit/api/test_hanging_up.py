"""A client that hangs up: in each of the five windows the provider sees it and nothing is left behind."""

import asyncio
import random

import pytest
from aiohttp import web

from core.http import HttpClient
from tests.unit.api.fronting import DELTAS, Forwarder, Upstream, asking, front, request
from tests.unit.api.test_passing import DONE, END, QUESTION, ROLE, WORD, streaming

STREAM = QUESTION | {"stream": True}


def pools(provider):
    """Connections to upstreams, counted and in use."""
    return sum(pool.count for pool in provider.http._pools.values()), len(provider.http._used)


async def settled(server):
    """Waits until every request that came in has left the server."""
    while server.tasks:
        await asyncio.wait(server.tasks, timeout=1)


async def never(_request):
    await asyncio.Event().wait()


async def test_while_it_waits_for_a_connection():
    provider = Forwarder("http://unused", http=HttpClient(connections=1))
    async with Upstream(never) as upstream, front(provider) as server:
        provider.url = upstream.url
        async with asking(server, QUESTION):
            while not upstream.requests:
                await asyncio.sleep(0)
            async with asking(server, QUESTION):
                while not any(pool.waiting for pool in provider.http._pools.values()):
                    await asyncio.sleep(0)
            while server.rows[1].get("outcome") is None:
                await asyncio.sleep(0)
        await upstream.hung_up.wait()
        await settled(server)
        assert [row["outcome"] for row in server.rows] == ["client_closed"] * 2
        assert len(upstream.requests) == 1 and pools(provider) == (0, 0)


async def test_while_it_connects(monkeypatch):
    provider, loop, connecting = Forwarder("http://127.0.0.1:9"), asyncio.get_running_loop(), asyncio.Event()
    connect = loop.create_connection

    async def hanging(*_args, **_options):
        connecting.set()
        await asyncio.Event().wait()

    async with front(provider) as server:
        monkeypatch.setattr(loop, "create_connection", hanging)
        transport, _ = await connect(asyncio.Protocol, "127.0.0.1", server.port)
        transport.write(request(QUESTION))
        await connecting.wait()
        transport.abort()
        await settled(server)
        assert server.rows[0]["outcome"] == "client_closed" and pools(provider) == (0, 0)


@pytest.mark.parametrize("body", [QUESTION, STREAM])
async def test_before_the_first_byte(body):
    provider = Forwarder("")
    async with Upstream(never) as upstream, front(provider) as server:
        provider.url = upstream.url
        async with asking(server, body):
            while not upstream.requests:
                await asyncio.sleep(0)
        await upstream.hung_up.wait()
        await settled(server)
        assert server.rows[0]["outcome"] == "client_closed" and pools(provider) == (0, 0)


async def test_in_the_middle_of_a_stream_what_was_told_is_counted():
    provider, forever = Forwarder(""), asyncio.Event()
    async with Upstream(streaming(ROLE, WORD, WORD, forever.wait)) as upstream, front(provider) as server:
        provider.url = upstream.url
        async with asking(server, STREAM) as (reader, _):
            await reader.readuntil(WORD)
        await upstream.hung_up.wait()
        await settled(server)
        assert server.rows[0]["outcome"] == "client_closed" and server.rows[0]["told"] >= 8 and pools(provider) == (0, 0)


async def test_in_the_middle_of_a_whole_answer():
    async def half(asked):
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(asked)
        await response.write(b"{")
        await asyncio.Event().wait()

    provider = Forwarder("")
    async with Upstream(half) as upstream, front(provider) as server:
        provider.url = upstream.url
        async with asking(server, QUESTION):
            while not upstream.requests:
                await asyncio.sleep(0)
        await upstream.hung_up.wait()
        await settled(server)
        assert server.rows[0]["outcome"] == "client_closed" and pools(provider) == (0, 0)


async def test_a_translated_stream_is_let_go():
    said, forever = asyncio.Event(), asyncio.Event()

    async def wait():
        said.set()
        await forever.wait()

    provider = Forwarder("http://unused", None, (DELTAS[0], wait))
    async with front(provider) as server:
        async with asking(server, STREAM):
            await said.wait()
        await settled(server)
        assert server.rows[0]["outcome"] == "client_closed" and provider.closed == 1 and server.rows[0]["told"] == 3


async def test_three_hundred_clients_that_hang_up_at_random_leave_nothing_behind():
    """Each after a random number of turns of the loop; those that stay are answered whole."""
    dice = random.Random(20)
    turns = asyncio.sleep

    async def handle(asked):
        for _ in range(dice.randrange(20)):
            await turns(0)
        pieces = [ROLE, WORD, *[lambda: turns(0)] * dice.randrange(5), WORD, END, DONE]
        return await streaming(*pieces)(asked)

    provider = Forwarder("", http=HttpClient(connections=8))

    async def client(server, stays):
        async with asking(server, STREAM) as (reader, writer):
            if stays:
                assert DONE in await reader.readuntil(b"0\r\n\r\n")
                return
            for _ in range(dice.randrange(60)):
                await turns(0)
            writer.transport.abort()

    async with Upstream(handle) as upstream, front(provider) as server:
        provider.url = upstream.url
        before = len(asyncio.all_tasks())
        for _ in range(10):
            await asyncio.gather(*(client(server, dice.random() < 0.2) for _ in range(30)))
        await settled(server)
        outcomes = [row.get("outcome") for row in server.rows]
        assert set(outcomes) == {"ok", "client_closed"} and outcomes.count("client_closed") > 50
        count, used = pools(provider)
        assert used == 0 and count <= 8 and not any(pool.waiting for pool in provider.http._pools.values())
        assert count == sum(len(pool.resting) for pool in provider.http._pools.values())
        await turns(0)
        assert len(asyncio.all_tasks()) <= before + count + 2
