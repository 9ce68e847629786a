"""From the start of the process to ready, with an empty database and with 10,000 queued jobs, and the memory of the idle server.

python -m bench.starting
"""

import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path

import psutil

from bench.tables import median, show
from core.clock import Clock
from store.database import Database
from store.jobs import Jobs
from tests.journeys.server import Server

JOBS = 10_000
STARTS = 5
MIB = 1 << 20


async def fill(folder: Path) -> None:
    """A database with 10,000 jobs that wait; their files are missing, so that reading them costs next to nothing."""
    database = Database(folder / "myelin.db")
    await database.start()
    jobs = Jobs(database, Clock(), 86400)
    plain = {
        "owner": "operator",
        "priority": 1,
        "filename": "a.txt",
        "bytes": 1,
        "sha256": "0",
        "prompt": "p",
        "format_response": "{}",
    }
    await asyncio.gather(
        *(jobs.create({**plain, "id": f"{n:032x}", "ai_provider": "builtin", "model": "auto"}) for n in range(JOBS))
    )
    await database.close()


def measure(folder: Path) -> tuple[float, float]:
    """Seconds to ready, and MiB of resident memory of the server alone half a second later."""
    server = Server(folder)
    seconds = server.start()
    time.sleep(0.5)
    memory = psutil.Process(server.pid).memory_info().rss / MIB
    server.kill()
    return seconds, memory


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        empty = [measure(Path(folder) / "empty") for _ in range(STARTS)]
        full = Path(folder) / "full"
        full.mkdir()
        asyncio.run(fill(full))
        started = Server(full).start
        queued = started()
        with sqlite3.connect(f"file:{full / 'myelin.db'}?mode=ro", uri=True) as database:
            count = database.execute("SELECT count(*) FROM jobs").fetchone()[0]
        assert count == JOBS
        started.__self__.kill()
    show(
        "Starting",
        ("start", "ready s", "idle memory MiB"),
        [
            (
                f"empty database, median of {STARTS}",
                f"{median([one[0] for one in empty]):.2f}",
                f"{median([one[1] for one in empty]):.0f}",
            ),
            (f"{JOBS:,} queued jobs", f"{queued:.2f}", "–"),
        ],
    )


if __name__ == "__main__":
    main()
