"""The group `models` against a small HTTP server: what it sends, what it prints, how it ends."""

import json

import pytest
from rich.console import Console

from commands import models
from commands.server import INTERRUPTED, JOB_FAILED, REFUSED, Server
from tests.unit.test_cli import fake, run  # noqa: F401

ROW = {"name": "gemma3:1b", "machine": "box", "size": 815_000_000, "size_vram": 700_000_000, "resident": True}


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setattr(models, "out", Console(width=200, highlight=False))


def lines(*records):
    return 200, "\n".join(map(json.dumps, records)).encode()


def test_ls_names_machines_and_ps_only_what_is_in_memory(fake, run):  # noqa: F811
    rows = [ROW, ROW | {"name": "[red]other", "resident": False}]
    fake.routes = {"GET /models/list": (200, {"models": rows})}
    shown = run("models", "ls").stdout
    assert "box" in shown and "0.8 GB" in shown and "[red]other" in shown
    shown = run("models", "ps").stdout
    assert "0.7 GB" in shown and "other" not in shown
    assert json.loads(run("models", "ps", "--json").stdout) == [ROW]


@pytest.mark.parametrize(
    ("words", "path", "body", "said"),
    [
        (["pull", "qwen2:0.5b"], "download", {}, "is installed"),
        (["pull", "qwen2:0.5b", "--machine", "box"], "install", {"machine": "box"}, "is installed on box"),
        (["rm", "qwen2:0.5b"], "delete", {"machine": "local"}, "is deleted from local"),
        (["cp", "qwen2:0.5b", "--from", "a", "--to", "b"], "duplicate", {"from": "a", "to": "b"}, "is on b"),
        (["move", "qwen2:0.5b", "--from", "a", "--to", "b"], "move", {"from": "a", "to": "b"}, "is on b now"),
        (["activate", "qwen2:0.5b"], "activate", {}, "is served"),
        (["deactivate", "qwen2:0.5b", "--machine", "a"], "deactivate", {"machine": "a"}, "is not served"),
    ],
)
def test_operations_are_followed_to_their_end(fake, run, words, path, body, said):  # noqa: F811
    told = {"state": "running", "step": "pulling", "total": 100, "completed": 40}, {"state": "done", "detail": "All [well]."}
    fake.routes = {f"POST /models/{path}": lines(*told)}
    ended = run("models", *words)
    assert ended.exit_code == 0 and f"qwen2:0.5b {said}" in ended.stdout and "All [well]." in ended.stdout
    assert fake.requests[0][0] == f"POST /models/{path}?stream=1"
    assert json.loads(fake.requests[0][2]) == {"model": "qwen2:0.5b"} | body
    assert json.loads(run("models", *words, "--json").stdout) == told[-1]


@pytest.mark.parametrize("state", ["failed", "cancelled", None])
def test_an_operation_that_does_not_succeed_ends_with_1(fake, run, state):  # noqa: F811
    error = {"message": "The disk is full.", "hint": "Delete a model."} if state == "failed" else None
    fake.routes = {"POST /models/move": lines({"state": state, "error": error}) if state else (200, b"")}
    ended = run("models", "move", "m", "--from", "a", "--to", "b")
    assert ended.exit_code == JOB_FAILED
    expected = {"failed": "The disk is full.", "cancelled": "m: cancelled", None: "said nothing"}[state]
    assert expected in ended.stderr and ("Delete a model." in ended.stderr) == (state == "failed")


def test_a_refusal_is_told(fake, run):  # noqa: F811
    fake.routes = {"POST /models/move": (409, {"detail": "The operation 7 works on it.", "hint": "Wait for it."})}
    ended = run("models", "move", "m", "--from", "a", "--to", "b")
    assert ended.exit_code == REFUSED and "operation 7" in ended.stderr and "Wait for it." in ended.stderr


def test_an_interruption_leaves_it_running(run, monkeypatch):  # noqa: F811
    def interrupted(*_, **__):
        yield {"state": "running"}
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "lines", interrupted)
    ended = run("models", "pull", "m")
    assert ended.exit_code == INTERRUPTED and "goes on" in ended.stderr


def test_preload_says_when(fake, run):  # noqa: F811
    fake.routes = {"POST /preload": (202, {"model": "m", "status": "loading", "eta_seconds": 12.4})}
    assert "m is loading, in about 12 s" in run("models", "preload", "m").stdout
    assert json.loads(fake.requests[0][2]) == {"model": "m"}
