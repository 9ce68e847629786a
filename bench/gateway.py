"""What the gateway costs on the way to a model: beside the provider alone, with keys, limits, the ledger and the log on.

The provider, the gateway and the load are processes of their own. Every front is asked that the running settings can serve.

    python -m bench.gateway [SECONDS]
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson

from bench.tables import show
from tests.journeys.server import KEY, ROOT, Server, free_port

CHAT = {"messages": [{"role": "user", "content": "Hello, who are you?"}]}
STREAM = {"messages": [{"role": "user", "content": "please stream"}], "stream": True}
_SETTLED, _MANY = 20_000, 200_000


class Case:
    """An address of the gateway, a body for it, and where the provider itself has the same (None: it is translated)."""

    def __init__(self, name: str, path: str, model: str, body: dict[str, Any], direct: str | None):
        self.name, self.path, self.direct = name, path, direct
        self.body = orjson.dumps({**body, "model": model}).decode()


CASES = (
    Case("OpenAI, as it is", "/v1/chat/completions", "openai/m", CHAT, "/v1/chat/completions"),
    Case("Ollama, as it is", "/api/chat", "ollama/m:latest", CHAT | {"stream": False}, "/api/chat"),
    Case("OpenAI to Anthropic", "/v1/chat/completions", "anthropic/m", CHAT, None),
    Case("OpenAI to Ollama", "/v1/chat/completions", "ollama/m:latest", CHAT, None),
)
STREAMS = (
    Case("OpenAI, as it is", "/v1/chat/completions", "openai/m", STREAM, "/v1/chat/completions"),
    Case("Ollama, as it is", "/api/chat", "ollama/m:latest", STREAM, "/api/chat"),
    Case("OpenAI to Anthropic", "/v1/chat/completions", "anthropic/m", STREAM, None),
    Case("OpenAI to Ollama", "/v1/chat/completions", "ollama/m:latest", STREAM, None),
)


def load(url: str, key: str, path: str, body: str, kind: str, much: float, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.load", url, key, path, body, kind, f"{much:g}", f"{seconds:g}"]
    return orjson.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=seconds + 60).stdout)


@contextmanager
def upstream() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.upstream", str(port)], cwd=ROOT)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def gateway(folder: Path, provider: str) -> Iterator[tuple[Server, str]]:
    """The server over `provider` in every dialect, and a client's key with limits that nobody reaches."""
    server = Server(
        folder / "data", OLLAMA_URL=provider, OPENAI_BASE_URL=f"{provider}/v1", OPENAI_API_KEY="bench-key-openai",
        ANTHROPIC_BASE_URL=provider, ANTHROPIC_API_KEY="bench-key-anthropic", RATE_LIMIT_PER_MINUTE="600000000",
    )  # fmt: skip
    server.start()
    try:
        yield server, KEY
    finally:
        server.stop()


def served(server: Server, key: str, case: Case) -> bool:
    """Whether this case can be asked with the providers that there are."""
    with httpx2.Client(base_url=server.url, headers={"Key": key}, trust_env=False) as client:
        answer = client.post(case.path, content=case.body, headers={"Content-Type": "application/json"})
    return answer.status_code == 200


def seconds_of_processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def whole(server: Server, key: str, provider: str, case: Case, seconds: float) -> tuple[object, ...]:
    before = seconds_of_processor(server.pid)
    closed = load(server.url, key, case.path, case.body, "closed", 64, seconds)
    each = (seconds_of_processor(server.pid) - before) / closed["asked"] * 1e6
    steady = load(server.url, key, case.path, case.body, "open", 200, seconds)
    direct = load(provider, key, case.direct or "/v1/chat/completions", case.body, "open", 200, seconds)
    added = [(steady["latency"][share] - direct["latency"][share]) * 1000 for share in ("p50", "p99")]
    wrong = closed["wrong"] + steady["wrong"]
    return case.name, f"{closed['rate']:,.0f}", f"{each:.0f}", *(f"{value:.2f}" for value in added), wrong


def streamed(server: Server, key: str, provider: str, case: Case, seconds: float) -> tuple[object, ...]:
    closed = load(server.url, key, case.path, case.body, "closed", 8, seconds)
    steady = load(server.url, key, case.path, case.body, "open", 20, seconds)
    direct = load(provider, key, case.direct or "/v1/chat/completions", case.body, "open", 20, seconds)
    added = [(steady["first"][share] - direct["first"][share]) * 1000 for share in ("p50", "p99")]
    return case.name, f"{closed['events']:,.0f}", *(f"{value:.2f}" for value in added), closed["wrong"] + steady["wrong"]


def memory(server: Server, key: str, case: Case) -> tuple[object, ...]:
    sizes = []
    for count in (_SETTLED, _MANY - _SETTLED):
        done = 0.0
        while done < count:
            done += load(server.url, key, case.path, case.body, "closed", 64, 3)["rate"] * 3
        sizes.append(megabytes(server.pid))
    return f"{_SETTLED:,}", f"{sizes[0]:.0f} MB", f"{_MANY:,}", f"{sizes[1]:.0f} MB", f"{sizes[1] / sizes[0] - 1:+.1%}"


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    with tempfile.TemporaryDirectory() as folder, upstream() as provider, gateway(Path(folder), provider) as (server, key):
        cases = [case for case in CASES if served(server, key, case)]
        streams = [case for case in STREAMS if served(server, key, case)]
        rows = [whole(server, key, provider, case, seconds) for case in cases]
        columns = ("1 KB answers", "a second, 64 at once", "µs of CPU each", "added p50, 200/s, ms", "added p99, ms", "wrong")
        show("The gateway: whole answers", columns, rows)
        rows = [streamed(server, key, provider, case, seconds) for case in streams]
        columns = ("streams of 200 words", "events a second, 8 at once", "added to the first p50, 20/s, ms", "p99, ms", "wrong")
        show("The gateway: streams", columns, rows)
        if cases:
            columns = ("after requests", "memory", "after requests", "memory", "growth")
            show("The gateway: memory", columns, [memory(server, key, cases[0])])


if __name__ == "__main__":
    main()
