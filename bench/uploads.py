"""How fast an upload is accepted, which means: on the disk, in the database, fsynced.

Closed loop: each client sends a 200 KB document as soon as the answer to the last one is there. The documents wait in
the queue behind `batch` priority while the uploads run; the time is that of `POST /upload` alone.

    python -m bench.uploads
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import aiohttp

from bench.tables import percentile, show
from tests.journeys.server import KEY, ROOT, running

SIZE = 200_000
FIELDS = {
    "Key": KEY,
    "Prompt": "Qual o CNPJ?",
    "Format-Response": '{"cnpj": ""}',
    "AI-Provider": "builtin",
    "Priority": "batch",
}


def _body(boundary: str) -> bytes:
    """The one-page invoice of samples/, made 200 KB large by bytes that no reader looks at."""
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
    )
    invoice = (ROOT / "samples" / "nota.pdf").read_bytes()
    filler = b"%" + os.urandom(SIZE).hex().encode()
    content = (invoice + filler)[:SIZE]
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode()


async def measure(url: str, clients: int, seconds: float, pause: float) -> list[float]:
    """Milliseconds of each accepted upload; `pause` seconds between the uploads of one client."""
    headers = FIELDS | {"Content-Type": "multipart/form-data; boundary=bench"}
    body, times = _body("bench"), []
    until = time.perf_counter() + seconds

    async def client(session: aiohttp.ClientSession) -> None:
        while time.perf_counter() < until:
            started = time.perf_counter()
            async with session.post(f"{url}/upload", data=body, headers=headers) as reply:
                await reply.read()
                assert reply.status == 202, reply.status
            times.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(pause)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=clients)) as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))
    return times


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=6)
    chosen = arguments.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for clients, pause in ((1, 0.0), (8, 0.05), (8, 0.0)):
            with running(Path(folder) / f"{clients}-{pause}", LOG_LEVEL="warning", MAX_UNFINISHED_JOBS="1000000") as server:
                asyncio.run(measure(server.url, clients, 1, pause))
                times = asyncio.run(measure(server.url, clients, chosen.seconds, pause))
            load = "at once" if not pause else f"every {pause * 1000:.0f} ms"
            row = (clients, load, f"{len(times) / chosen.seconds:.0f}")
            rows.append((*row, *(f"{percentile(times, share):.1f}" for share in (0.5, 0.95, 0.99)), f"{max(times):.0f}"))
    show(
        "Uploads of 200 KB, accepted and fsynced",
        ("clients", "next upload", "uploads/s", "p50 ms", "p95 ms", "p99 ms", "max ms"),
        rows,
    )


if __name__ == "__main__":
    main()
