"""The protocol under the client, fed byte by byte through a transport that only keeps notes."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.wire import Connection, WireError

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
UNFRAMED = b"HTTP/1.1 200 OK\r\n\r\nhello"
INTERIM = b"HTTP/1.1 100 Continue\r\nX-B: 0\r\n\r\n"


class Notes(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = self.paused = False

    def write(self, data) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


async def asked(head: bytes = b"GET / HTTP/1.1\r\n\r\n", body: bytes = b"") -> tuple[Connection, Notes]:
    connection, notes = Connection(), Notes()
    connection.connection_made(notes)
    connection.begin(head + body)
    return connection, notes


async def headed(connection: Connection) -> None:
    while not connection.headed:
        await connection.news()


async def chunk_of(connection: Connection) -> bytes:
    while (data := connection.ready()) is None:
        await connection.news()
    return data


async def body_of(connection: Connection) -> bytes:
    body = b""
    while piece := await chunk_of(connection):
        body += piece
    return body


@pytest.mark.parametrize("answer", [ANSWER, CHUNKED, INTERIM + ANSWER])
@given(cuts=st.lists(st.integers(1, 90), max_size=6))
async def test_an_answer_is_the_same_however_it_was_cut(answer: bytes, cuts: list[int]) -> None:
    connection, _ = await asked()
    edges = sorted({0, *(cut for cut in cuts if cut < len(answer)), len(answer)})
    for start, end in itertools.pairwise(edges):
        connection.data_received(answer[start:end])
    await headed(connection)
    assert connection.status == 200 and "x-b" not in connection.headers
    assert await body_of(connection) == b"hello"
    assert connection.spent and connection.reusable


async def test_headers_have_small_names_and_are_joined() -> None:
    connection, _ = await asked()
    connection.data_received(ANSWER)
    assert connection.headers["x-a"] == "1, 2"


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    connection, _ = await asked()
    connection.data_received(UNFRAMED)
    assert connection.ready() == b"hello" and connection.ready() is None
    connection.connection_lost(None)
    assert connection.ready() == b"" and not connection.reusable


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
async def test_a_body_that_is_cut_is_an_error_after_what_came(error: Exception | None) -> None:
    connection, _ = await asked()
    connection.data_received(ANSWER[:-2])
    connection.connection_lost(error)
    assert await chunk_of(connection) == b"hel"
    with pytest.raises(WireError, match="ended early"):
        await chunk_of(connection)


@pytest.mark.parametrize(
    "data",
    [
        ANSWER + ANSWER,
        ANSWER + b"junk",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_a_connection_that_says_more_or_other_than_one_answer_is_closed(data: bytes) -> None:
    connection, notes = await asked()
    connection.data_received(data)
    assert notes.aborted and not connection.open


async def test_words_out_of_turn_close_the_connection() -> None:
    connection, notes = await asked()
    connection.data_received(ANSWER)
    await body_of(connection)
    connection.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert notes.aborted


async def test_an_endless_head_is_refused() -> None:
    connection, notes = await asked()
    for _ in range(70):
        connection.data_received(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1024 if not notes.written.endswith(b"x") else b"x" * 1024)
        if notes.aborted:
            break
    with pytest.raises(WireError):
        await headed(connection)


async def test_what_is_not_taken_stops_the_reading() -> None:
    connection, notes = await asked()
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
    for _ in range(5):
        connection.data_received(b"x" * (64 << 10))
    assert notes.paused
    assert len(await chunk_of(connection)) == 5 * (64 << 10)
    assert not notes.paused


async def test_a_large_body_waits_for_the_socket_and_stops_at_an_early_answer() -> None:
    connection, notes = Connection(), Notes()
    connection.connection_made(notes)
    connection.pause_writing()
    connection.begin(b"head")
    sending = asyncio.create_task(connection.feed(b"x" * (1 << 20)))
    await asyncio.sleep(0)
    assert notes.written == b"head"
    connection.data_received(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    connection.resume_writing()
    await sending
    assert notes.written == b"head" and connection.status == 413


async def test_the_end_of_the_connection_wakes_whoever_waits_to_write() -> None:
    connection = Connection()
    connection.connection_made(Notes())
    connection.pause_writing()
    connection.begin(b"head")
    sending = asyncio.create_task(connection.feed(b"x" * (1 << 20)))
    await asyncio.sleep(0)
    connection.connection_lost(None)
    with pytest.raises(WireError):
        await sending


async def test_whoever_waits_beyond_the_time_that_is_due_waits_no_longer() -> None:
    connection, _ = await asked()
    connection.due = asyncio.get_running_loop().time() + 0.01
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(headed(connection), 5)


async def test_a_time_that_was_put_off_counts_and_one_that_was_brought_forward_too() -> None:
    connection, _ = await asked()
    loop = asyncio.get_running_loop()
    connection.due = loop.time() + 0.01
    waiting = asyncio.ensure_future(headed(connection))
    await asyncio.sleep(0)
    connection.due = loop.time() + 60
    while loop.time() < connection.due - 59.98:
        await asyncio.sleep(0)
    assert not waiting.done()
    connection.data_received(CHUNKED[:-7])
    await waiting
    assert await chunk_of(connection) == b"hello"
    connection.due = loop.time() + 0.01
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(chunk_of(connection), 5)
    connection.connection_lost(None)


async def test_who_speaks_before_being_asked_is_not_asked_at_all() -> None:
    connection, notes = Connection(), Notes()
    connection.connection_made(notes)
    connection.data_received(ANSWER)
    assert notes.aborted and not connection.headed
    with pytest.raises(WireError):
        connection.begin(b"GET / HTTP/1.1\r\n\r\n")


async def test_one_connection_answers_again_and_again() -> None:
    connection, notes = await asked()
    for answer, status in ((INTERIM + ANSWER, 200), (CHUNKED, 200), (ANSWER.replace(b"200 OK", b"404 No"), 404)):
        connection.data_received(answer)
        await headed(connection)
        assert (connection.status, await body_of(connection), connection.reusable) == (status, b"hello", True)
        connection.begin(b"GET / HTTP/1.1\r\n\r\n")
    assert not notes.aborted
