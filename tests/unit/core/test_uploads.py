"""Bodies that are sent while they are read: what goes out, and upstreams that answer early, stop reading or go away."""

import asyncio

import pytest

from core.http import Broken, DeadlinePassed, Deadlines, HttpClient, Upload
from tests.unit.core.test_http import client, upstream, whole  # noqa: F401

PIECE = b"0123456789" * 10_000


def upload(count: int, read: list[int] | None = None) -> Upload:
    async def pieces():
        for number in range(count):
            if read is not None:
                read.append(number)
            yield PIECE

    return Upload(count * len(PIECE), pieces())


async def put(http: HttpClient, url: str, body: Upload, **deadlines: float) -> tuple[int, bytes]:
    async with http.request("POST", url, body=body, deadlines=Deadlines(**deadlines)) as response:
        return response.status, await response.read()


async def test_it_goes_out_whole_with_its_length_and_the_connection_serves_again(client: HttpClient) -> None:  # noqa: F811
    got = []

    async def serve(reader, writer):
        got.append(await reader.readexactly(20 * len(PIECE)))
        writer.write(whole(b"kept"))

    async with upstream(serve) as server:
        for _ in range(2):
            assert await put(client, server.url, upload(20)) == (200, b"kept")
    assert got == [PIECE * 20] * 2 and server.connections == 1
    head = server.requests[0].lower()
    assert f"content-length: {20 * len(PIECE)}" in head and "content-type: application/octet-stream" in head


async def test_an_early_answer_ends_it_and_that_connection_serves_nobody_else(client: HttpClient) -> None:  # noqa: F811
    read: list[int] = []

    async def serve(reader, writer):
        writer.write(whole(b"no room").replace(b"200 OK", b"507 Full"))

    async with upstream(serve) as server:
        assert await put(client, server.url, upload(5000, read)) == (507, b"no room")
        assert len(read) < 5000
        assert await put(client, server.url, upload(1)) == (507, b"no room")
        assert server.connections == 2


async def test_a_server_that_stops_reading_meets_the_idle_deadline(client: HttpClient) -> None:  # noqa: F811
    async def serve(reader, writer):
        await asyncio.Event().wait()

    async with upstream(serve) as server:
        with pytest.raises(DeadlinePassed):
            await put(client, server.url, upload(5000), idle=0.05, headers=30, total=30)


async def test_a_server_that_reads_all_and_says_nothing_meets_the_deadline_of_its_answer(client: HttpClient) -> None:  # noqa: F811
    async def serve(reader, writer):
        await reader.readexactly(len(PIECE))
        await asyncio.Event().wait()

    async with upstream(serve) as server:
        with pytest.raises(DeadlinePassed):
            await put(client, server.url, upload(1), idle=30, headers=0.05, total=30)


async def test_a_server_that_goes_away_breaks_it(client: HttpClient) -> None:  # noqa: F811
    async def serve(reader, writer):
        writer.transport.abort()

    async with upstream(serve) as server:
        with pytest.raises(Broken):
            await put(client, server.url, upload(5000))


async def test_a_reader_of_the_disk_that_fails_closes_the_socket(client: HttpClient) -> None:  # noqa: F811
    async def pieces():
        yield PIECE
        raise OSError("the disk went away")

    async def serve(reader, writer):
        await reader.readexactly(2 * len(PIECE))

    async with upstream(serve) as server:
        with pytest.raises(OSError, match="went away"):
            await put(client, server.url, Upload(2 * len(PIECE), pieces()))
        async with asyncio.timeout(5):
            await server.let_go.wait()
