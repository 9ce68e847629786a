"""Durable changes of a job's stage a second (`synchronous=FULL`), as the workers make them: claim and advance, 16 at a time.

python -m bench.transitions
"""

import asyncio
import tempfile
import time
from pathlib import Path

from bench.tables import median, show
from core.clock import Clock
from models import Stage
from store.database import Database
from store.jobs import Jobs

COUNT, TASKS, RUNS = 1000, 16, 3
PLAIN = {
    "owner": "operator",
    "priority": 1,
    "filename": "a.txt",
    "bytes": 1,
    "sha256": "0",
    "prompt": "p",
    "format_response": "{}",
}


async def measure(path: Path) -> tuple[float, float]:
    """(jobs accepted a second, transitions a second)."""
    database = Database(path)
    await database.start()
    jobs = Jobs(database, Clock(), 86400)
    ids = [f"{number:032x}" for number in range(COUNT)]
    started = time.perf_counter()
    await _each(ids, lambda job_id: jobs.create({**PLAIN, "id": job_id, "ai_provider": "builtin", "model": "auto"}))
    accepted = COUNT / (time.perf_counter() - started)

    async def through(job_id: str) -> None:
        for stage in Stage:
            assert await jobs.claim(job_id, stage, "boot")
            assert await jobs.advance(job_id, stage, "boot", {}, [(1, b"[]")] if stage is Stage.EXTRACTION else ())

    started = time.perf_counter()
    await _each(ids, through)
    moved = 2 * len(Stage) * COUNT / (time.perf_counter() - started)
    await database.close()
    return accepted, moved


async def _each(ids: list[str], work) -> None:
    waiting = iter(ids)

    async def worker() -> None:
        for job_id in waiting:
            await work(job_id)

    await asyncio.gather(*(worker() for _ in range(TASKS)))


def main() -> None:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        runs = [asyncio.run(measure(Path(folder) / f"{number}.db")) for number in range(RUNS)]
    accepted, moved = (median([run[column] for run in runs]) for column in (0, 1))
    show(
        f"Durable changes, {TASKS} tasks, median of {RUNS}",
        ("change", "a second"),
        [("job accepted", f"{accepted:,.0f}"), ("stage moved", f"{moved:,.0f}")],
    )


if __name__ == "__main__":
    main()
