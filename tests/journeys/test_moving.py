"""Models between two machines: a server process, an agent process, and two fake Ollamas."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.fakes.ollama import FakeOllama
from tests.journeys.conftest import in_a_thread
from tests.journeys.moving_server import OPERATOR
from tests.journeys.server import ROOT, free_port

NAME = "casa:1b"
WEIGHTS = os.urandom(1 << 20) * 24
SECONDS = 60.0


class World:
    """`a` with a model of no registry and its files in `folder / models`, `b` without; the server and the agent are processes."""

    def __init__(self, folder: Path, a: FakeOllama, b: FakeOllama):
        self.folder, self.a, self.b, self.port = folder, a, b, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: list[subprocess.Popen] = []
        a.blobs.add(NAME, WEIGHTS, template="{{ .Prompt }}", license=["MIT"])
        a.blobs.write(folder / "models", NAME)
        (folder / "data").mkdir()

    def start(self) -> subprocess.Popen:
        server = self._run(
            "tests.journeys.moving_server", str(self.folder / "data"), str(self.port), f"a={self.a.url}", f"b={self.b.url}"
        )
        self.until(lambda: self._answers(server))
        return server

    def agent(self) -> subprocess.Popen:
        key = self.ask("POST", "/machines/a/agent")["api_key"]
        (self.folder / "agent.key").write_text(key)
        return self.agent_again()

    def agent_again(self) -> subprocess.Popen:
        return self._run(
            "fleet.agent",
            "--server",
            self.url,
            "--key-file",
            str(self.folder / "agent.key"),
            "--models",
            str(self.folder / "models"),
        )

    def move(self) -> subprocess.Popen:
        """The same order as `move`, from the command line, which follows it to its end."""
        command = [sys.executable, "cli.py", "--url", self.url, "models", "move", NAME, "--from", "a", "--to", "b"]
        environment = {"API_KEY": OPERATOR, "PATH": "", "COLUMNS": "300"}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        self.processes.append(process)
        return process

    def ask(self, method: str, path: str, **body) -> dict:
        got = httpx2.request(method, self.url + path, json=body or None, headers={"Key": OPERATOR}, timeout=30)
        assert got.status_code < 300, got.text
        return got.json()

    def ended(self, record: dict) -> dict:
        return self.until(lambda: self._state(record, {"done", "failed", "cancelled"}))

    def received(self) -> int:
        return sum(file.stat().st_size for file in (self.folder / "data" / "spool").iterdir())

    def _state(self, record: dict, states: set[str]) -> dict | None:
        seen = self.ask("GET", f"/models/operations/{record['id']}")
        return seen if seen["state"] in states else None

    def _answers(self, server: subprocess.Popen) -> bool:
        assert server.poll() is None, (self.folder / "log").read_text()[-3000:]
        try:
            return httpx2.get(self.url, timeout=2).status_code > 0
        except httpx2.TransportError:
            return False

    def until(self, met):
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if found := met():
                return found
            time.sleep(0.005)
        raise AssertionError((self.folder / "log").read_text()[-3000:])

    def _run(self, *arguments: str) -> subprocess.Popen:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", *arguments], cwd=ROOT, stdout=log, stderr=log)
        self.processes.append(process)
        return process


@contextmanager
def world(folder: Path) -> Iterator[World]:
    with in_a_thread(FakeOllama()) as a, in_a_thread(FakeOllama()) as b:
        opened = World(folder, a, b)
        try:
            yield opened
        finally:
            for process in opened.processes:
                process.kill()
                process.wait(10)


def move(opened: World) -> dict:
    return opened.ask("POST", "/models/move", model=NAME, **{"from": "a", "to": "b"})


def weights_at(fake: FakeOllama) -> bytes:
    return fake.blobs.kept[fake.blobs.created[-1]["files"]["model-0.gguf"]]


def test_a_move_that_is_killed_in_the_middle_goes_on_after_a_restart(tmp_path):
    with world(tmp_path) as opened:
        server = opened.start()
        agent = opened.agent()
        record = move(opened)
        opened.until(lambda: opened.received() > 2 << 20)
        agent.kill()
        server.kill()
        server.wait(10), agent.wait(10)
        assert NAME in opened.a.machine.installed and NAME not in opened.b.machine.installed
        have = opened.received()
        opened.start()
        opened.agent_again()
        done = opened.ended(record)
        assert (done["state"], done["way"], done["same"]) == ("done", "blobs", "manifest") and done["attempts"] == 2
        assert weights_at(opened.b) == WEIGHTS and NAME not in opened.a.machine.installed
        log = (tmp_path / "log").read_text()
        from_bytes = [int(line.split("from byte ")[1].split()[0]) for line in log.splitlines() if ": blob" in line]
        assert any(0 < offset <= have for offset in from_bytes) or have >= len(WEIGHTS)
        assert opened.received() == 0


def test_a_damaged_file_moves_nothing(tmp_path):
    with world(tmp_path) as opened:
        largest = max((tmp_path / "models" / "blobs").iterdir(), key=lambda file: file.stat().st_size)
        largest.write_bytes(b"?" + WEIGHTS[1:])
        opened.start()
        opened.agent()
        failed = opened.ended(move(opened))
        assert (failed["state"], failed["error"]["code"]) == ("failed", "wrong_digest")
        assert NAME in opened.a.machine.installed and NAME not in opened.b.machine.installed
        assert (tmp_path / "log").read_text().count("wrong_digest") == 2
        again = opened.move()
        _, told = again.communicate(timeout=SECONDS)
        assert again.returncode == 1 and "damaged" in told and NAME in opened.a.machine.installed


def test_a_revoked_key_ends_the_agent_and_its_work(tmp_path):
    with world(tmp_path) as opened:
        opened.start()
        agent = opened.agent()
        opened.b.blobs.pause.clear()  # the target takes its time
        follower = opened.move()
        opened.until(lambda: opened.ask("GET", "/models/operations?unfinished=1")["data"])
        record = move(opened)  # joins it
        opened.until(lambda: opened.ask("GET", f"/models/operations/{record['id']}")["step"] == "copying")
        assert opened.ask("DELETE", "/machines/a/agent") == {"machine": "a", "revoked": True}
        assert agent.wait(SECONDS) == 2
        assert "refuses the key" in (tmp_path / "log").read_text()
        opened.b.blobs.pause.set()
        failed = opened.ended(record)
        assert (failed["state"], failed["error"]["code"]) == ("failed", "agent_missing") and NAME in opened.a.machine.installed
        _, told = follower.communicate(timeout=SECONDS)
        assert follower.returncode == 1 and "agent" in told


@pytest.mark.parametrize("room", [1 << 20])
def test_a_full_target_is_told(tmp_path, room):
    with world(tmp_path) as opened:
        opened.b.blobs.room = room
        opened.start()
        opened.agent()
        record = move(opened)
        tried = opened.until(
            lambda: (seen := opened.ask("GET", f"/models/operations/{record['id']}"))["detail"].find("full") >= 0 and seen
        )
        assert "Next attempt" in tried["detail"]
        assert opened.ask("DELETE", f"/models/operations/{record['id']}")["state"] == "cancelled"
        assert NAME in opened.a.machine.installed
        opened.until(lambda: opened.received() == 0)
