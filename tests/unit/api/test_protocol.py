import asyncio
from contextlib import asynccontextmanager

import pytest
import uvicorn

from api.protocol import PromptProtocol

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SECONDS = 0.1


class Impatient(PromptProtocol):
    header_seconds = SECONDS


async def hello(scope, _receive, send):
    assert scope["type"] == "http"
    await asyncio.sleep(2 * SECONDS if scope["path"] == "/slow" else 0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def connected():
    """A connection to uvicorn with the protocol, as a server makes it for each client."""
    config = uvicorn.Config(hello, http=Impatient, lifespan="off", log_config=None, access_log=False)
    config.load()
    state = uvicorn.server.ServerState()
    listening = await asyncio.get_running_loop().create_server(lambda: Impatient(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    try:
        async with asyncio.timeout(10):
            yield reader, writer
    finally:
        writer.close()
        listening.close()


async def answered(reader):
    return (await reader.readuntil(b"\r\n\r\nok"))[:15]


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_headers_that_do_not_arrive_end_the_connection(begun):
    async with connected() as (reader, writer):
        writer.write(begun)
        assert await reader.read() == b""


@pytest.mark.parametrize("begun", [b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_the_next_request_of_a_kept_connection_has_its_deadline_too(begun):
    async with connected() as (reader, writer):
        writer.write(REQUEST)
        assert await answered(reader) == b"HTTP/1.1 200 OK"
        writer.write(begun)
        assert await reader.read() == b""


async def test_whole_headers_end_the_deadline_and_a_kept_connection_may_rest():
    async with connected() as (reader, writer):
        writer.write(REQUEST.replace(b"/ ", b"/slow ", 1))
        assert await answered(reader) == b"HTTP/1.1 200 OK"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 2 * SECONDS)
        writer.write(REQUEST[:10])
        await writer.drain()
        writer.write(REQUEST[10:])
        assert await answered(reader) == b"HTTP/1.1 200 OK"
