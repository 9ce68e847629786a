"""An answer on the wire: whole heads, whole bodies, one call of the kernel."""

import asyncio

import pytest
import uvicorn

from api.protocol import PromptProtocol

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Wire(asyncio.Transport):
    """A client's end that keeps each write apart."""

    def __init__(self):
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = asyncio.Event()

    def write(self, data):
        self.writes.append(bytes(data))

    def close(self):
        self.closed.set()

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass

    def is_closing(self):
        return self.closed.is_set()


async def asked(app, data=REQUEST):
    """The wire after `app` has answered `data`."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
    config.load()
    state = uvicorn.server.ServerState()
    protocol, wire = PromptProtocol(config, state, {}), Wire()
    protocol.connection_made(wire)
    protocol.data_received(data)
    while state.tasks:
        await asyncio.wait(state.tasks, timeout=5)
    protocol.connection_lost(ConnectionResetError())
    return wire


def telling(*pieces, status=200, headers=()):
    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        for more, piece in enumerate(pieces, 1 - len(pieces)):
            await send({"type": "http.response.body", "body": piece, "more_body": bool(more)})

    return app


async def test_a_whole_answer_is_one_write():
    wire = await asked(telling(b"ok", headers=[(b"content-length", b"2"), (b"x-a", b"b")]))
    assert wire.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: b\r\n\r\nok"]


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"6")]])
async def test_a_piece_is_not_held_for_the_next_one(headers):
    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"two"})

    first, last = (await asked(app)).writes
    assert b"one" in first and b"two" in last


async def test_a_stream_is_chunked_and_what_is_said_in_one_turn_goes_out_together():
    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"one", b"", b"two"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"end", "more_body": False})

    wire = await asked(app)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert wire.writes == [head + b"3\r\none\r\n3\r\ntwo\r\n", b"3\r\nend\r\n0\r\n\r\n"]


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"150000")]])
async def test_pieces_that_never_wait_are_not_held_without_end(headers):
    wire = await asked(telling(*[b"x" * 1000] * 150, headers=headers))
    assert [len(data) > 1 << 16 for data in wire.writes] == [True, True, False]
    assert all(len(data) < 70_000 for data in wire.writes)


async def test_a_head_that_nothing_follows_goes_out_at_the_end_of_the_turn():
    told = asyncio.Event()

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        told.set()
        assert wire_of[0].writes == [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"]
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
    config.load()
    protocol, wire_of = PromptProtocol(config, uvicorn.server.ServerState(), {}), [Wire()]
    protocol.connection_made(wire_of[0])
    protocol.data_received(REQUEST)
    await asyncio.wait_for(told.wait(), 5)
    protocol.connection_lost(None)


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\rb", b"a\0b"])
async def test_a_header_with_a_line_break_is_never_sent(value):
    wire = await asked(telling(b"ok", headers=[(b"content-length", b"2"), (b"x-a", value)]))
    assert wire.closed.is_set()
    assert b"".join(wire.writes) == b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize("length", [b"1", b"3"])
async def test_a_body_of_another_length_ends_the_connection(length):
    assert (await asked(telling(b"ok", headers=[(b"content-length", length)]))).closed.is_set()


async def test_an_answer_that_breaks_off_ends_the_connection_behind_what_was_said():
    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        raise ValueError

    wire = await asked(app)
    assert wire.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"] and wire.closed.is_set()


async def test_no_body_is_sent_for_a_head_or_where_none_may_be():
    wire = await asked(telling(b"ok", headers=[(b"content-length", b"2")]), REQUEST.replace(b"GET", b"HEAD"))
    assert wire.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"]
    assert (await asked(telling(b"", status=204))).writes == [b"HTTP/1.1 204 No Content\r\n\r\n"]


@pytest.mark.parametrize(
    ("request_", "closes"),
    [
        (REQUEST, False),
        (REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), True),
        (REQUEST.replace(b"1.1", b"1.0"), True),
    ],
)
async def test_a_connection_is_kept_unless_the_client_does_not_keep_it(request_, closes):
    wire = await asked(telling(b"ok", headers=[(b"content-length", b"2")]), request_)
    assert wire.closed.is_set() is closes and (b"connection: close" in wire.writes[0]) is closes


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/a%20b?c=%20", "/a b", b"c=%20"),
        (b"/a?b?c", "/a", b"b?c"),
        (b"http://h/a?b", "/a", b"b"),
        (b"/a#b", "/a", b""),
    ],
)
async def test_the_path_and_the_query_of_a_request(target, path, query):
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["path"], scope["query_string"], await receive()))
        await telling(b"ok")(scope, receive, send)

    body = b"POST " + target + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    await asked(app, body)
    assert seen == [(path, query, {"type": "http.request", "body": b"abc", "more_body": False})]


async def test_requests_in_a_row_are_answered_in_their_order():
    async def app(scope, receive, send):
        await asyncio.sleep(0)
        await telling(scope["path"].encode(), headers=[(b"content-length", b"2")])(scope, receive, send)

    wire = await asked(app, REQUEST.replace(b"/ ", b"/a ") + REQUEST.replace(b"/ ", b"/b "))
    assert [data[-2:] for data in wire.writes] == [b"/a", b"/b"]
