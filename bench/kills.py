"""`kill -9` at random moments under load: nothing accepted is lost, and no answer is given twice.

Clients upload and read answers while the server is killed and started again; each keeps a ledger of what was accepted
(written after the 202) and of every answer that it has read. At the end every accepted job must have ended, with one
answer or one reason, and no answer may differ from an earlier reading of it.

    python -m bench.kills --kills 50
"""

import argparse
import math
import random
import sqlite3
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from bench.tables import show
from tests.journeys.server import Server

FORM = {"prompt": "Qual o CNPJ?", "format_response": '{"cnpj": "", "valor_total": 0.0}', "ai_provider": "builtin"}
TERMINAL = ("done", "failed", "cancelled")


@dataclass
class Ledger:
    """What the clients know. `ready` are the seconds of each start."""

    accepted: set[str] = field(default_factory=set)
    answers: dict[str, object] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    ready: list[float] = field(default_factory=list)
    integrity: str = ""

    def read(self, job: dict) -> None:
        if job["status"] not in TERMINAL:
            return
        seen = [job["status"], job["response"], job["error"], job["finished_at"]]
        if self.answers.setdefault(job["id"], seen) != seen:
            self.changed.append(job["id"])


def run(folder: Path, *, kills: int, clients: int, seed: int, longest: float = 3.0) -> Ledger:
    """`longest` seconds of life at most between two kills, log-uniform from a millisecond on."""
    chance, ledger, server = random.Random(seed), Ledger(), Server(folder)
    stop = threading.Event()
    ledger.ready.append(server.start())
    threads = [threading.Thread(target=_client, args=(server, ledger, stop, number)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for _ in range(kills):
        time.sleep(math.exp(chance.uniform(math.log(0.001), math.log(longest))))
        server.kill()
        ledger.ready.append(server.start())
    stop.set()
    for thread in threads:
        thread.join()
    _settle(server, ledger)
    server.stop()
    with sqlite3.connect(folder / "myelin.db") as database:
        ledger.integrity = database.execute("PRAGMA integrity_check").fetchone()[0]
    return ledger


def _client(server: Server, ledger: Ledger, stop: threading.Event, number: int) -> None:
    sent = 0
    mine: list[str] = []
    with server.client() as client:
        while not stop.is_set():
            sent += 1
            text = f"Recibo {number}-{sent}\nCNPJ: 11.222.333/0001-81\nValor total: R$ {sent},00\n"
            try:
                reply = client.post("/upload", data=FORM, files={"file": (f"{number}-{sent}.txt", text.encode())})
                if reply.status_code == 202:
                    mine.append(reply.json()["id"])
                    ledger.accepted.add(mine[-1])
                if mine and (job := client.get(f"/response/{mine[sent * 7 % len(mine)]}")).status_code == 200:
                    ledger.read(job.json())
            except httpx2.TransportError:
                time.sleep(0.02)


def _settle(server: Server, ledger: Ledger, seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    with server.client() as client:
        for job_id in sorted(ledger.accepted):
            reply = client.get(f"/response/{job_id}?wait={max(1, min(60, int(deadline - time.monotonic())))}")
            if reply.status_code != 200:
                ledger.lost.append(job_id)
                continue
            job = reply.json()
            ledger.read(job)
            ledger.statuses[job["status"]] = ledger.statuses.get(job["status"], 0) + 1
            if job["status"] not in TERMINAL:
                ledger.unfinished.append(job_id)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=50)
    arguments.add_argument("--clients", type=int, default=8)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ledger = run(Path(folder) / "data", kills=chosen.kills, clients=chosen.clients, seed=chosen.seed)
    show(
        f"kill -9 under load (seed {chosen.seed})",
        ("kills", "accepted", "lost", "unfinished", "changed answers", "done", "failed", "integrity", "slowest start s"),
        [
            (
                chosen.kills, len(ledger.accepted), len(ledger.lost), len(ledger.unfinished), len(ledger.changed),
                ledger.statuses.get("done", 0), ledger.statuses.get("failed", 0), ledger.integrity, f"{max(ledger.ready):.2f}",
            )
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
