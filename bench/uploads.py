"""How fast an upload is accepted, which means: on the disk, in the database, fsynced.

Each client sends a 200 KB document and then the next one: after a pause (a steady stream), when the last one is answered
(both cores are busy with reading), or at once (a flood; everything uploaded is worked on at the same time). The
milliseconds are those of `POST /upload` alone.

    python -m bench.uploads
"""

import argparse
import asyncio
import itertools
import os
import tempfile
import time
from pathlib import Path

import aiohttp

from bench.tables import percentile, show
from tests.journeys.server import KEY, ROOT, running

SIZE = 200_000
INVOICE = (ROOT / "samples" / "nota.pdf").read_bytes()
FILLER = os.urandom(SIZE).hex().encode()
LOADS = (
    (1, "after the answer", True, 0.0),
    (8, "after 300 ms", False, 0.3),
    (8, "after the answer", True, 0.0),
    (8, "at once", False, 0.0),
)
FIELDS = {
    "Key": KEY,
    "Prompt": "Qual o CNPJ?",
    "Format-Response": '{"cnpj": ""}',
    "AI-Provider": "builtin",
}


def _body(number: int) -> bytes:
    """The one-page invoice of samples/, made 200 KB large by bytes that no reader looks at; each number is another file."""
    head = '--bench\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
    content = (INVOICE + b"\n%%%016d" % number + FILLER)[:SIZE]
    return head.encode() + content + b"\r\n--bench--\r\n"


async def measure(url: str, clients: int, seconds: float, wait: bool, pause: float) -> list[float]:
    """Milliseconds of each accepted upload; with `wait` a client reads its answer before it sends the next document."""
    headers = FIELDS | {"Content-Type": "multipart/form-data; boundary=bench"}
    times: list[float] = []
    numbers = itertools.count(1)
    until = time.perf_counter() + seconds

    async def client(session: aiohttp.ClientSession, number: int) -> None:
        await asyncio.sleep(pause * number / clients)
        while time.perf_counter() < until:
            body = _body(next(numbers))
            started = time.perf_counter()
            async with session.post(f"{url}/upload", data=body, headers=headers) as reply:
                accepted = await reply.json()
                assert reply.status == 202, accepted
            times.append((time.perf_counter() - started) * 1000)
            if wait:
                async with session.get(f"{url}/response/{accepted['id']}?wait=60", headers={"Key": KEY}) as reply:
                    assert (await reply.json())["status"] == "done"
            await asyncio.sleep(pause)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=clients)) as session:
        await asyncio.gather(*(client(session, number) for number in range(clients)))
    return times


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=6)
    chosen = arguments.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for clients, following, wait, pause in LOADS:
            with running(Path(folder) / f"{clients} {following}", LOG_LEVEL="warning", MAX_UNFINISHED_JOBS="1000000") as server:
                asyncio.run(measure(server.url, clients, 1, wait, pause))
                times = asyncio.run(measure(server.url, clients, chosen.seconds, wait, pause))
            row = (clients, following, f"{len(times) / chosen.seconds:.0f}")
            rows.append((*row, *(f"{percentile(times, share):.1f}" for share in (0.5, 0.95, 0.99)), f"{max(times):.0f}"))
    show(
        "Uploads of 200 KB, accepted and fsynced",
        ("clients", "next upload", "uploads/s", "p50 ms", "p95 ms", "p99 ms", "max ms"),
        rows,
    )


if __name__ == "__main__":
    main()
