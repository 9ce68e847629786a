"""What the gateway costs on the way to a model: beside the provider alone, with keys, limits, the ledger and the log on.

The provider, the gateway and the load are processes of their own; the processor's time is that of the gateway alone. Figures
are those of the best of three turns: a machine that is shared with others is slower now and then by a third and more. Every
front is asked that the running settings can serve, and other gateways whose programs are named or installed.

    python -m bench.gateway [--seconds 5] [--litellm PROGRAM] [--nginx PROGRAM]
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson

from bench.neighbours import KEY, KINDS, Running
from bench.tables import show
from bench.upstream import WORDS
from tests.journeys.server import MASTER, ROOT, Server, free_port

CHAT = {"messages": [{"role": "user", "content": "Hello, who are you?"}]}
STREAM = {"messages": [{"role": "user", "content": "please stream"}], "stream": True}
_SETTLED, _MANY = 20_000, 200_000
_MOST = 1_000_000_000
_TURNS, _PLACES = 3, 64
_LIMITS = {
    "rpm": _MOST, "tpm": _MOST, "max_parallel": _MOST, "models": ["*"], "providers": ["o*", "a*"], "budget_usd": 1e6,
    "budget_period": "day",
}  # fmt: skip


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
IN_LINE = CASES[-1]
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
def gateway(folder: Path, provider: str, places: int) -> Iterator[tuple[Running, str]]:
    """The server over `provider` in every dialect, and a client's key with limits that nobody reaches. A model of Ollama has so
    many `places`: who finds them taken waits in the line."""
    server = Server(
        folder, OLLAMA_URL=provider, OLLAMA_NUM_PARALLEL=str(places), OPENAI_BASE_URL=f"{provider}/v1",
        OPENAI_API_KEY="bench-key-openai", ANTHROPIC_BASE_URL=provider, ANTHROPIC_API_KEY="bench-key-anthropic",
        RATE_LIMIT_PER_MINUTE="600000000",
    )  # fmt: skip
    server.start()
    try:
        with server.client(MASTER) as client:
            made = client.post("/admin/create_key", params={"name": "bench", "email": "bench@example.org"}, json=_LIMITS)
        yield Running("Myelin", server.url, server.pid), made.json()["api_key"]
    finally:
        server.stop()


def served(server: Running, key: str, case: Case) -> bool:
    """Whether this case can be asked with the providers that there are; just started, the gateway looks up what they cost."""
    with httpx2.Client(base_url=server.url, headers={"Key": key}, trust_env=False) as client:
        for _ in range(10):
            answer = client.post(case.path, content=case.body, headers={"Content-Type": "application/json"})
            if answer.status_code != 503:
                break
            time.sleep(1)
    return answer.status_code == 200


def busy(server: Running, key: str, case: Case, connections: int, seconds: float) -> tuple[dict[str, Any], float]:
    """A closed loop, and the microseconds of the gateway's processor time for each request of it."""
    before = server.seconds_of_processor()
    closed = load(server.url, key, case.path, case.body, "closed", connections, seconds)
    return closed, (server.seconds_of_processor() - before) / closed["asked"] * 1e6


def turned(
    server: Running, key: str, provider: str, case: Case, seconds: float, at_once: int, rate: int, timed: str
) -> tuple[dict[str, Any], float, list[float], int]:
    """The busiest of three turns, the CPU of each request in it, the milliseconds that are added to p50 and p99 of what is
    `timed` at a quiet `rate`, and the wrong answers of all turns. The best of each tells the program from its neighbours."""
    direct = case.direct or "/v1/chat/completions"
    turns = [
        (busy(server, key, case, at_once, seconds), load(server.url, key, case.path, case.body, "open", rate, seconds),
         load(provider, key, direct, case.body, "open", rate, seconds))
        for _ in range(_TURNS)
    ]  # fmt: skip
    closed, each = max((busiest for busiest, _, _ in turns), key=lambda one: one[0]["rate"])
    added = [
        (min(steady[timed][share] for _, steady, _ in turns) - min(alone[timed][share] for _, _, alone in turns)) * 1000
        for share in ("p50", "p99")
    ]
    return closed, each, added, sum(busiest[0]["wrong"] + steady["wrong"] for busiest, steady, _ in turns)


def whole(server: Running, key: str, provider: str, case: Case, seconds: float) -> tuple[object, ...]:
    closed, each, added, wrong = turned(server, key, provider, case, seconds, 64, 200, "latency")
    return case.name, f"{closed['rate']:,.0f}", f"{each:.0f}", *(f"{value:.2f}" for value in added), wrong


def streamed(server: Running, key: str, provider: str, case: Case, seconds: float) -> tuple[object, ...]:
    closed, each, added, wrong = turned(server, key, provider, case, seconds, 8, 20, "first")
    return case.name, f"{closed['events']:,.0f}", f"{each / WORDS:.1f}", *(f"{value:.2f}" for value in added), wrong


def memory(server: Running, key: str, case: Case) -> tuple[object, ...]:
    sizes = []
    for count in (_SETTLED, _MANY - _SETTLED):
        done = 0
        while done < count:
            done += load(server.url, key, case.path, case.body, "closed", 64, 3)["asked"]
        sizes.append(server.megabytes())
    return f"{_SETTLED:,}", f"{sizes[0]:.0f} MB", f"{_MANY:,}", f"{sizes[1]:.0f} MB", f"{sizes[1] / sizes[0] - 1:+.1%}"


def beside(running: list[tuple[Running, str, Case]], seconds: float) -> list[tuple[object, ...]]:
    """Each gateway's rate and what it takes for it, the fastest of three turns that they take after each other."""
    best: dict[str, tuple[dict[str, Any], float]] = {}
    for server, key, case in running * _TURNS:
        closed, each = busy(server, key, case, 64, seconds)
        if server.name not in best or closed["rate"] > best[server.name][0]["rate"]:
            best[server.name] = closed, each
    ours = best["Myelin"][0]["rate"]
    return [
        (server.name, f"{closed['rate']:,.0f}", f"{ours / closed['rate']:.1f} ×" if server.name != "Myelin" else "", f"{each:,.0f}",
         f"{closed['latency']['p50'] * 1000:,.1f}", f"{closed['latency']['p99'] * 1000:,.1f}", f"{server.megabytes():.0f} MB",
         closed["wrong"])
        for server, _, _ in running
        for closed, each in [best[server.name]]
    ]  # fmt: skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gateway")
    parser.add_argument("--seconds", type=float, default=5.0)
    for name in KINDS:
        parser.add_argument(f"--{name}", type=Path, metavar="PROGRAM", default=shutil.which(name))
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    seconds = asked.seconds
    with ExitStack() as stack:
        folder, provider = Path(stack.enter_context(tempfile.TemporaryDirectory())), stack.enter_context(upstream())
        server, key = stack.enter_context(gateway(folder / "data", provider, _PLACES))
        cases = [case for case in CASES if served(server, key, case)]
        streams = [case for case in STREAMS if served(server, key, case)]
        columns = ("1 KB answers", "a second, 64 at once", "µs of CPU each", "added p50, 200/s, ms", "added p99, ms", "wrong")
        rows = [whole(server, key, provider, case, seconds) for case in cases]
        if IN_LINE in cases:
            with gateway(folder / "line", provider, 1) as (other, another):
                served(other, another, IN_LINE)
                name, *told = whole(other, another, provider, IN_LINE, seconds)
            rows.append((f"{name}, waiting in the line", *told))
        show("The gateway: whole answers", columns, rows)
        columns = (f"streams of {WORDS} words", "events a second, 8 at once", "µs of CPU an event",
                   "added to the first p50, 20/s, ms", "p99, ms", "wrong")  # fmt: skip
        show("The gateway: streams", columns, [streamed(server, key, provider, case, seconds) for case in streams])
        columns = ("after requests", "memory", "after requests", "memory", "growth")
        show("The gateway: memory", columns, [memory(server, key, cases[0])])
        running = [(server, key, cases[0])]
        plain = Case("", "/v1/chat/completions", "m", CHAT, None)
        programs = [(kind, getattr(asked, name)) for name, kind in KINDS.items() if getattr(asked, name)]
        running += [(stack.enter_context(kind(program, folder, provider)), KEY, plain) for kind, program in programs]
        if programs:
            columns = ("1 KB answers, 64 at once", "a second", "of them Myelin gives", "µs of CPU each", "p50, ms", "p99, ms",
                       "memory", "wrong")  # fmt: skip
            show("The gateway: beside others", columns, beside(running, seconds))


if __name__ == "__main__":
    main()
