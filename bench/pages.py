"""Pages a second through the whole pipeline: upload, sandboxed reading, built-in finder, evidence, durable answer.

`digital`: the one-page invoice and the 30-page contract of samples/. `scanned`: A4 pages at 200 dpi: a form full of small
print, aslant and with the grain of a scanner, and pictures of a page of the contract, the bank slip and the English invoice.
Meanwhile the lag of the server's event loop is sampled by the time that `GET /livez` takes on an idle connection.

    python -m bench.pages
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import aiohttp

from bench.tables import percentile, show
from bench.truths import scanned
from tests.journeys.server import KEY, ROOT, running

SAMPLES = ROOT / "samples"
FORM = {"cnpj_emitente": "", "valor_total": 0.0, "data_emissao": ""}


async def _upload(session: aiohttp.ClientSession, url: str, content: bytes, copy: int = 0) -> str:
    """Each copy ends with a comment of its own: a file that was read before is not read again."""
    form = aiohttp.FormData({"prompt": "Qual o CNPJ do emitente, o valor total e a data?", "format_response": json.dumps(FORM)})
    form.add_field("ai_provider", "builtin")
    form.add_field("file", content + b"\n%%%d" % copy, filename="document.pdf")
    async with session.post(f"{url}/upload", data=form) as reply:
        return (await reply.json())["id"]


async def _ended(session: aiohttp.ClientSession, url: str, job_id: str) -> dict:
    while True:
        async with session.get(f"{url}/response/{job_id}", params={"wait": 60}) as reply:
            job = await reply.json()
        if job["status"] in ("done", "failed"):
            assert job["status"] == "done", job["error"]
            return job


async def _lag(session: aiohttp.ClientSession, url: str, stop: asyncio.Event) -> list[float]:
    lags = []
    while not stop.is_set():
        started = time.perf_counter()
        async with session.get(f"{url}/livez") as reply:
            await reply.read()
        lags.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(0.02)
    return lags


class Row(NamedTuple):
    """What one kind of document took; `lags` are milliseconds."""

    kind: str
    name: str
    documents: int
    pages: int
    seconds: float
    lags: list[float]

    def cells(self) -> tuple[object, ...]:
        lag = [f"{percentile(self.lags, share):.1f}" for share in (0.5, 0.99)]
        return self.kind, self.name, self.documents, self.pages, f"{self.seconds:.1f}", f"{self.pages / self.seconds:.1f}", *lag


async def measure(url: str, content: bytes, copies: int) -> tuple[int, float, list[float]]:
    """Pages, seconds from the first upload to the last answer, and the milliseconds of each look at the event loop."""
    async with aiohttp.ClientSession(headers={"Key": KEY}) as session:
        await _ended(session, url, await _upload(session, url, content))
        stop = asyncio.Event()
        watching = asyncio.create_task(_lag(session, url, stop))
        started = time.perf_counter()
        ids = [await _upload(session, url, content, copy) for copy in range(1, copies + 1)]
        jobs = [await _ended(session, url, job_id) for job_id in ids]
        seconds = time.perf_counter() - started
        stop.set()
        return sum(job["document"]["pages_read"] for job in jobs), seconds, await watching


def main() -> None:
    contents = [
        *(("digital", name, (SAMPLES / name).read_bytes(), copies) for name, copies in (("nota.pdf", 200), ("contrato.pdf", 20))),
        ("scanned", "nota_escaneada.pdf", (SAMPLES / "nota_escaneada.pdf").read_bytes(), 20),
        *(("scanned", name, scanned(SAMPLES / name, 1), 20) for name in ("contrato.pdf", "boleto.pdf", "invoice_en.pdf")),
    ]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "data", LOG_LEVEL="warning") as server:
        for kind, name, content, copies in contents:
            rows.append(Row(kind, name, copies, *asyncio.run(measure(server.url, content, copies))))
    scans = [row for row in rows if row.kind == "scanned"]
    documents, pages = sum(row.documents for row in scans), sum(row.pages for row in scans)
    together = Row(
        "scanned", "all four", documents, pages, sum(row.seconds for row in scans), [lag for row in scans for lag in row.lags]
    )
    show(
        "Documents through the whole pipeline",
        ("kind", "document", "documents", "pages", "seconds", "pages/s", "loop lag p50 ms", "loop lag p99 ms"),
        [row.cells() for row in (*rows, together)],
    )


if __name__ == "__main__":
    main()
