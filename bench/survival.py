"""Every file of some folders through a real server: each must end, with its text or with a clear error, and harm nobody.

    python -m bench.survival FOLDER...

Printed for each folder: how the files ended, the slowest one, the largest reader, and (with -v) each refusal. Last, a PDF of
500 pages: its seconds, its reader's memory and how often its progress was seen to change. Ends with 1 when a file did not
end within 60 seconds of its own, when the server answered with an error of its own, or when it is not well afterwards.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from reportlab.pdfgen.canvas import Canvas

from bench.evaluate import Watch
from bench.tables import show
from tests.journeys.server import running

AT_ONCE = 2
LONGEST = 60.0
OURS = ("internal_error", "parser_crashed", "sandbox_unavailable", "worker_died")
FORM = {"prompt": "Qual o total?", "format_response": '{"total": ""}', "ai_provider": "builtin"}
LONG_PAGES = 500


@dataclass
class Outcome:
    """`ends` counts statuses and error codes; `slow` is (seconds of reading, name) of the slowest file."""

    ends: Counter[str] = field(default_factory=Counter)
    slow: tuple[float, str] = (0.0, "")
    troubles: list[str] = field(default_factory=list)
    memory: int = 0


def survive(server, paths: list[Path], complain: bool) -> Outcome:
    outcome, watch = Outcome(), Watch(server.pid)
    with watch, server.client() as client, ThreadPoolExecutor(AT_ONCE) as pool:
        for path, code, job in pool.map(lambda path: _one(client, path), paths):
            outcome.ends[code] += 1
            seconds = ((job.get("timings_ms") or {}).get("extraction") or 0) / 1000
            outcome.slow = max(outcome.slow, (seconds, path.name))
            if code in OURS or seconds > LONGEST:
                outcome.troubles.append(f"{path.name}: {code} after {seconds:.0f} s")
            if complain and code != "done":
                print(f"  {path.name}: {code}: {(job.get('error') or job).get('message') or job.get('detail')}")
    outcome.memory = watch.peak
    return outcome


def _one(client: httpx2.Client, path: Path) -> tuple[Path, str, dict]:
    reply = client.post("/upload?wait=120", data=FORM, files={"file": (path.name, path.read_bytes())})
    job = reply.json()
    if "id" not in job:
        return path, f"{reply.status_code} {job['code']}", job
    while job["status"] not in ("done", "failed"):
        job = client.get(f"/response/{job['id']}?wait=120").json()
    return path, job["error"]["code"] if job["error"] else "done", job


def _long_pdf(path: Path) -> Path:
    canvas = Canvas(str(path))
    for page in range(LONG_PAGES):
        for line in range(50):
            canvas.drawString(60, 780 - 14 * line, f"Página {page + 1}, linha {line}: o contrato vigora por {line + 12} meses.")
        canvas.showPage()
    canvas.save()
    return path


def _progress(client: httpx2.Client, path: Path) -> Iterator[dict]:
    job = client.post("/upload", data=FORM, files={"file": (path.name, path.read_bytes())}).json()
    with client.stream("GET", f"/response/{job['id']}/events") as events:
        for line in events.iter_lines():
            if line.startswith("data:"):
                yield json.loads(line.removeprefix("data:"))


def long_document(server, folder: Path) -> tuple[float, int, int]:
    """(seconds, peak memory of its reader in bytes, how many states of its progress a client saw)."""
    watch, started = Watch(server.pid), time.perf_counter()
    with watch, server.client() as client:
        seen = {event["progress"]["done"] for event in _progress(client, _long_pdf(folder / "long.pdf")) if "progress" in event}
    assert max(seen) == LONG_PAGES, seen
    return time.perf_counter() - started, watch.peak, len(seen)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    arguments.add_argument("-v", "--verbose", action="store_true", help="name every file that was refused")
    chosen = arguments.parse_args()
    rows, troubles = [], []
    with tempfile.TemporaryDirectory() as scratch:
        with running(Path(scratch) / "data", LOG_LEVEL="error") as server:
            for folder in chosen.folders:
                paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "files.json")
                outcome = survive(server, paths, chosen.verbose)
                troubles += outcome.troubles
                ends = ", ".join(f"{code} {count}" for code, count in outcome.ends.most_common())
                slow = f"{outcome.slow[0]:.1f} s {outcome.slow[1]}"
                rows.append((folder.name, len(paths), ends, slow, outcome.memory >> 20))
            seconds, memory, states = long_document(server, Path(scratch))
            with server.client() as client:
                if client.get("/readyz").status_code != 200:
                    troubles.append("the server is not ready afterwards")
        show("Files that harm nobody", ("folder", "files", "ended", "slowest", "largest reader MB"), rows)
        show(
            f"A PDF of {LONG_PAGES} pages",
            ("seconds", "pages/s", "reader MB", "states of progress seen"),
            [(f"{seconds:.1f}", f"{LONG_PAGES / seconds:.0f}", memory >> 20, states)],
        )
    print("\n".join(troubles))
    return int(bool(troubles))


if __name__ == "__main__":
    sys.exit(main())
