"""The data plane's client against raw sockets that misbehave one way at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from core.http import BodyTooLarge, Broken, Caps, DeadlinePassed, Deadlines, HttpClient, Unreachable

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Upstream:
    """A server whose `serve` gets the sockets after a request was read; it keeps what came and when the client let go."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.connections = 0
        self.let_go = asyncio.Event()
        self.url = ""

    async def run(self, serve: Serve, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head.decode())
                await serve(reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.let_go.set()
        finally:
            writer.close()


@asynccontextmanager
async def upstream(serve: Serve) -> AsyncIterator[Upstream]:
    made = Upstream()
    server = await asyncio.start_server(lambda reader, writer: made.run(serve, reader, writer), "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    try:
        yield made
    finally:
        server.close()


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    made = HttpClient(caps=Caps(body=1000, line=100))
    yield made
    await made.close()


def sends(data: bytes) -> Serve:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return serve


def whole(body: bytes) -> bytes:
    return HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


async def read(client: HttpClient, url: str, **deadlines: float) -> bytes:
    async with client.request("GET", url, deadlines=Deadlines(**deadlines)) as response:
        return await response.read()


async def test_the_session_is_opened_once_and_its_connection_serves_again(client: HttpClient) -> None:
    async with upstream(sends(whole(b"hello"))) as server:
        assert [await read(client, server.url) for _ in range(3)] == [b"hello"] * 3
    assert (server.connections, len(server.requests)) == (1, 3)


async def test_what_goes_out(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with (
        upstream(sends(whole(b"ok"))) as server,
        client.request("POST", server.url, json={"ç": 1}, headers={"X-One": "1"}) as response,
    ):
        assert await response.read() == b"ok"
    (request,) = server.requests
    assert request.startswith("POST /x HTTP/1.1")
    for line in ("Accept-Encoding: identity", "Content-Type: application/json", "X-One: 1", "Content-Length: 8"):
        assert line in request
    assert "Cookie" not in request


async def test_a_large_body_goes_out_whole(client: HttpClient) -> None:
    got = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readexactly(3_000_002))
        writer.write(whole(b"ok"))

    async with upstream(serve) as server, client.request("POST", server.url, json="x" * 3_000_000) as response:
        assert await response.read() == b"ok"
    assert "Content-Length: 3000002" in server.requests[0] and got == [b'"' + b"x" * 3_000_000 + b'"']


async def test_a_body_that_is_json_already_goes_as_it_is(client: HttpClient) -> None:
    got = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readexactly(9))
        writer.write(whole(b"ok"))

    async with upstream(serve) as server, client.request("POST", server.url, body=b'{"a" : 1}') as response:
        assert await response.read() == b"ok"
    assert got == [b'{"a" : 1}']
    for line in ("Content-Type: application/json", "Content-Length: 9"):
        assert line in server.requests[0]


async def test_redirects_are_not_followed(client: HttpClient) -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with upstream(sends(answer)) as server, client.request("GET", server.url) as response:
        assert response.status == 302
    assert len(server.requests) == 1


async def test_cookies_are_not_kept(client: HttpClient) -> None:
    answer = HEAD + b"Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    async with upstream(sends(answer)) as server:
        for _ in range(2):
            await read(client, server.url.replace("127.0.0.1", "localhost"))
    assert "Cookie" not in server.requests[1]


async def test_lines_come_whole_however_they_were_cut(client: HttpClient) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Connection: close\r\n\r\n")
        for piece in (b"on", b"e\ntwo\r\n\n", b"  \n", b"th", b"ree"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    async with upstream(serve) as server, client.request("GET", server.url) as response:
        assert [bytes(line) async for line in response.lines()] == [b"one", b"two", b"three"]


@pytest.mark.parametrize("body", [b"x" * 101, b"ok\n" + b"x" * 101, b"x" * 101 + b"\nok\n"])
async def test_a_line_over_its_cap_is_refused(client: HttpClient, body: bytes) -> None:
    async with upstream(sends(whole(body))) as server:
        with pytest.raises(BodyTooLarge):
            async with client.request("GET", server.url) as response:
                [line async for line in response.lines()]


async def test_a_body_over_its_cap_is_refused_and_the_socket_closed(client: HttpClient) -> None:
    async with upstream(sends(HEAD + b"Content-Length: 99999999\r\n\r\n" + b"x" * 5000)) as server:
        with pytest.raises(BodyTooLarge):
            await read(client, server.url, idle=1)
        async with asyncio.timeout(1):
            await server.let_go.wait()


async def test_the_head_of_an_error_is_bounded(client: HttpClient) -> None:
    async with upstream(sends(whole(b"x" * 900))) as server, client.request("GET", server.url) as response:
        assert await response.head(10) == b"x" * 10


@pytest.mark.parametrize(
    ("answer", "limits", "phase"),
    [
        (b"", {"headers": 0.05}, "headers"),
        (b"", {"headers": 9, "total": 0.05}, "total"),
        (HEAD + b"Content-Length: 9\r\n\r\nabc", {"idle": 0.05}, "idle"),
        (HEAD + b"Content-Length: 9\r\n\r\nabc", {"idle": 9, "total": 0.05}, "total"),
    ],
)
async def test_each_deadline_has_its_name_and_closes_the_socket(
    client: HttpClient, answer: bytes, limits: dict[str, float], phase: str
) -> None:
    async with upstream(sends(answer)) as server:
        with pytest.raises(DeadlinePassed) as caught:
            async with asyncio.timeout(3):
                await read(client, server.url, **limits)
        assert caught.value.phase == phase
        async with asyncio.timeout(1):
            await server.let_go.wait()


async def test_a_body_that_drips_for_ever_meets_the_total_deadline(client: HttpClient) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: 999\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with upstream(serve) as server:
        with pytest.raises(DeadlinePassed) as caught:
            async with asyncio.timeout(3):
                await read(client, server.url, idle=5, total=0.3)
    assert caught.value.phase == "total"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"no http at all\r\n\r\n"])
async def test_an_answer_that_breaks_off_is_broken(client: HttpClient, answer: bytes) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with upstream(serve) as server:
        with pytest.raises(Broken):
            await read(client, server.url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::bad/", "nonsense"])
async def test_nobody_there_is_unreachable(client: HttpClient, url: str) -> None:
    with pytest.raises(Unreachable):
        await read(client, url, connect=1, headers=2)


async def test_a_cancelled_request_closes_its_socket(client: HttpClient) -> None:
    async with upstream(sends(HEAD + b"Content-Length: 9\r\n\r\nabc")) as server:
        task = asyncio.create_task(read(client, server.url))
        async with asyncio.timeout(1):
            while not server.requests:
                await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(1):
            await server.let_go.wait()


async def test_a_closed_client_sends_nothing() -> None:
    client = HttpClient()
    await client.close()
    await client.close()
    with pytest.raises(Unreachable):
        await read(client, "http://127.0.0.1:1/")


def closes_behind(answers: int) -> Serve:
    """Answers that many requests of all with the promise to keep the connection, and closes each at its second request."""
    seen: set[asyncio.StreamWriter] = set()
    left = [answers]

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if writer in seen or not left[0]:
            raise ConnectionResetError
        seen.add(writer)
        left[0] -= 1
        writer.write(HEAD + b"Connection: keep-alive\r\nContent-Length: 2\r\n\r\nok")

    return serve


async def test_a_kept_connection_that_was_closed_is_no_failure(client: HttpClient) -> None:
    """llama.cpp closes behind each stream, and says that it does not."""
    async with upstream(closes_behind(3)) as server:
        for _ in range(3):
            async with client.request("POST", server.url, json={}) as response:
                assert await response.read() == b"ok"
        assert (server.connections, len(server.requests)) == (3, 5)


async def test_an_upstream_that_closes_a_new_connection_is_asked_once(client: HttpClient) -> None:
    async with upstream(closes_behind(1)) as server:
        async with client.request("POST", server.url, json={}) as response:
            await response.read()
        with pytest.raises(Broken):
            async with client.request("POST", server.url, json={}):
                pass
        assert (server.connections, len(server.requests)) == (2, 3)
