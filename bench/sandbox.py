"""What confinement costs: `python -m bench.sandbox [documents]` prints milliseconds for each document, p50 and p99.

All rows are taken in one run and in turn, so that a busy machine hurts them alike. The first three fork this process with
the readers loaded and wait for the child's end; the others go through the whole sandbox, socket to last page.
"""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from documents.parsers.base import Context
from documents.sandbox import child, kernel
from documents.sandbox.client import Limits, Sandbox
from documents.sandbox.confinement import Confinement
from documents.sandbox.forkserver import load
from documents.sandbox.limits import Plan

TEXT = "Nota fiscal de teste, valor total 1.234,56.\n"


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def forked(work: Callable[[], object]) -> float:
    """Milliseconds from fork to the reaped child, which does `work`."""
    began = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if status:
        raise SystemExit(f"a child failed: {status}")
    return (time.perf_counter() - began) * 1000


def limited(parent: int) -> None:
    """Process group, death with the parent and limits, without Landlock and seccomp."""
    os.setsid()
    kernel.die_with_parent(signal.SIGKILL, parent)


def forks(rounds: int, folder: Path) -> dict[str, list[float]]:
    plan = Plan(-1, os.getpid(), "documents.parsers", str(folder), Limits(), Context())
    load(plan)
    confinement = Confinement.discover(plan)
    gc.collect()
    gc.freeze()  # as the fork server does
    document = os.open(folder / "nota.txt", os.O_RDONLY)
    parent = os.getpid()
    rows: dict[str, list[float]] = {"plain fork": [], "fork, own group": [], "fork, confined and verified": []}

    def confined() -> None:
        confinement.apply(str(folder), document, parent)
        child.verify(confinement)

    for _ in range(rounds):
        rows["plain fork"].append(forked(lambda: None))
        rows["fork, own group"].append(forked(lambda: limited(parent)))
        rows["fork, confined and verified"].append(forked(confined))
    return rows


async def documents(rounds: int, folder: Path) -> dict[str, list[float]]:
    """A text through the whole sandbox, one at a time and eight at a time (milliseconds each)."""
    sandbox = Sandbox(Limits(), Context(), workdir=folder / "work")
    rows: dict[str, list[float]] = {"sandbox, one at a time": [], "sandbox, eight at a time": []}

    async def one() -> None:
        async for _ in sandbox.parse(folder / "nota.txt", "nota.txt"):
            pass

    began = time.perf_counter()
    await sandbox.start()
    print(f"start with probes: {(time.perf_counter() - began) * 1000:.0f} ms; layers {sandbox.layers}")
    for _ in range(rounds):
        began = time.perf_counter()
        await one()
        rows["sandbox, one at a time"].append((time.perf_counter() - began) * 1000)
    for _ in range(max(1, rounds // 8)):
        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(8)))
        rows["sandbox, eight at a time"].append((time.perf_counter() - began) * 1000 / 8)
    rows["event-loop lag, eight long ones"] = await lag(sandbox, folder)
    await sandbox.close()
    return rows


async def lag(sandbox: Sandbox, folder: Path) -> list[float]:
    """How late (milliseconds) a timer of 2 ms fires while eight documents of 500 pages are read at once."""
    (folder / "longo.txt").write_text(TEXT * 45_000, "utf-8")
    late: list[float] = []

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.002)
            late.append((time.perf_counter() - began) * 1000 - 2)

    async def one() -> None:
        async for _ in sandbox.parse(folder / "longo.txt", "longo.txt"):
            pass

    ticking = asyncio.create_task(tick())
    await asyncio.gather(*(one() for _ in range(8)))
    ticking.cancel()
    return late


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nota.txt").write_text(TEXT, "utf-8")
        rows = asyncio.run(documents(rounds, folder)) | forks(rounds, folder)
    print(f"{'ms for each document':<32}{'p50':>8}{'p99':>8}")
    for label, values in sorted(rows.items(), key=lambda row: quantile(row[1], 0.5)):
        print(f"{label:<32}{quantile(values, 0.5):>8.2f}{quantile(values, 0.99):>8.2f}")
    over = [quantile(rows["fork, confined and verified"], share) - quantile(rows["plain fork"], share) for share in (0.5, 0.99)]
    print(f"{'overhead of confinement':<32}{over[0]:>8.2f}{over[1]:>8.2f}")


if __name__ == "__main__":
    main()
