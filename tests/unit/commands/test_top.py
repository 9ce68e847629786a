import json

import pytest
from rich.console import Console

from commands import top
from tests.unit.test_cli import fake, run  # noqa: F401

GIB = 1 << 30
NOW = 1_760_000_000.0
QUEUE = {
    "queues": {"extraction": {"waiting": 2, "running": 1, "workers": 2, "oldest_seconds": 12.4},
               "model": {"waiting": 0, "running": 0, "workers": 2, "oldest_seconds": 0},
               "formatting": {"waiting": 0, "running": 0, "workers": 1, "oldest_seconds": 0}},
    "accepting": True, "limit": 100, "turns": [], "jobs": [],
}  # fmt: skip


def resident(name, state="resident", **told):
    return {"name": name, "state": state, "size": 13 * GIB, "size_vram": 13 * GIB, "always_on": False,
            "since": "2025-10-09T08:50:00.000Z", "eta_seconds": None} | told  # fmt: skip


def waiting(model, count, inside=0, eta=0.0):
    return {"model": model, "waiting": count, "inside": inside, "oldest_seconds": 7.0, "eta_seconds": eta}


LOCAL = {
    "name": "local", "kind": "ollama", "state": "up", "phase": "loading", "in_flight": 1, "budget": {"bytes": 26 * GIB}, "cards": None,
    "health": {"error": None}, "queue": [waiting("gemma3:27b", 1, 1), waiting("qwen3:8b", 3, eta=40.2)],
    "residents": [resident("gemma3:27b", always_on=True),
                  resident("llama3:70b", "loading", size=None, size_vram=None, since=None, eta_seconds=9.6)],
}  # fmt: skip
BOX = LOCAL | {"name": "box", "kind": "vllm", "state": "down", "health": {"error": "vLLM cannot be reached."}, "queue": [],
               "residents": [], "budget": {"bytes": None}}  # fmt: skip
SEEN = {"machines": [LOCAL, BOX], "queue": QUEUE}


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setattr(top, "out", Console(width=200, highlight=False))


@pytest.fixture
def server(fake):  # noqa: F811
    fake.routes = {"GET /machines": (200, {"data": SEEN["machines"]}), "GET /queue": (200, QUEUE)}


def drawn():
    with top.out.capture() as capture:
        top.out.print(top.screen(SEEN, NOW))
    return capture.get().splitlines()


def test_a_machine_has_a_bar_its_models_and_those_that_are_awaited():
    local, gemma, llama, qwen, box, error, *documents = drawn()
    assert "█" * 12 + "░" * 12 in local and "13.0 GiB of 26.0 GiB" in local and "loading, 1 in flight" in local
    assert gemma == "  ● gemma3:27b, resident for 3 min, 13.0 GiB, always on, 1 inside, 1 waiting for 7 s"
    assert llama == "  ◐ llama3:70b, loading, there in 10 s"
    assert qwen == "  ○ qwen3:8b, 3 waiting for 7 s, in memory in about 40 s"
    assert box.split()[:3] == ["box", "vllm", "down"] and "█" not in box and error.strip() == "vLLM cannot be reached."
    assert documents[0] == "documents" and documents[1].endswith("1 of 2 at work, 2 waiting, the first for 12 s")


def test_the_bar_shows_what_other_programs_have():
    cards = {"total": 48 * GIB, "models": 14 * GIB, "others": 8 * GIB, "free": 26 * GIB}
    with top.out.capture() as capture:
        top.out.print(top.screen({"machines": [LOCAL | {"cards": cards}], "queue": QUEUE}, NOW))
    line = capture.get().splitlines()[0]
    assert "█" * 6 + "▒" * 4 + "░" * 14 in line and "13.0 GiB of 26.0 GiB, others 8.0 GiB" in line


def test_where_letters_are_ascii_the_bars_are(monkeypatch):
    monkeypatch.setattr(Console, "encoding", "ascii")
    assert "#" * 12 + "." * 12 in drawn()[0] and all(line.isascii() for line in drawn())


def test_more_than_the_budget_does_not_break_the_bar():
    machine = LOCAL | {"residents": [resident("a", size_vram=99 * GIB)], "queue": []}
    with top.out.capture() as capture:
        top.out.print(top.screen({"machines": [machine], "queue": QUEUE | {"accepting": False}}, NOW))
    assert "█" * 24 in capture.get() and "no uploads are accepted now" in capture.get()


def test_json_is_one_look_at_the_server(server, run):  # noqa: F811
    assert json.loads(run("top", "--json").stdout) == SEEN
    assert "gemma3:27b" in run("top", "--once").stdout
