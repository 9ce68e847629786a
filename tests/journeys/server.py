"""A real server in a process of its own, on a free port, with a folder of its own: what journeys and benches talk to."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parents[2]
KEY, MASTER = "operator-key-for-journeys-0123456789", "master-key-for-journeys-0123456789"
SECRET = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
#: A start takes two seconds of a processor, which others may want at the same time.
READY_SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`start`, `stop` (SIGTERM) and `kill` (SIGKILL) of one data folder; settings are environment variables."""

    def __init__(self, data_dir: Path, **settings: str):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir
        self.log = data_dir / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        plain = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TESSDATA_PREFIX") if name in os.environ}
        self._environment = plain | {
            "DATA_DIR": str(data_dir),
            "PORT": str(self.port),
            "API_KEY": KEY,
            "MASTER_API_KEY": MASTER,
            "SECRET_KEY": SECRET,
            "OLLAMA_URL": "http://127.0.0.1:9",
            "GEMINI_API_KEY": "",
            "RATE_LIMIT_PER_MINUTE": "0",
            "MIN_FREE_DISK_MB": "0",
        } | settings  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> float:
        """Starts the server and returns the seconds until it was ready."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([sys.executable, "main.py"], cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        while time.monotonic() - started < READY_SECONDS:
            try:
                if httpx2.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return time.monotonic() - started
            except httpx2.TransportError:
                if self._process.poll() is not None:
                    break
            time.sleep(0.01)
        raise AssertionError(f"the server is not ready: {self.log.read_text()[-3000:]}")

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=40)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=10)

    def client(self, key: str | None = KEY, **options) -> httpx2.Client:
        headers = {"Key": key} if key else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False, **options)


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Server]:
    server = Server(data_dir, **settings)
    server.start()
    try:
        yield server
    finally:
        if server._process.poll() is None:
            server.kill()
