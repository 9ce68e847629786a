import json

import pytest
from rich.console import Console

from commands import machines
from commands.server import REFUSED
from tests.unit.test_cli import fake, run  # noqa: F401

LOCAL = {
    "name": "local", "kind": "ollama", "url": "http://localhost:11434", "state": "up", "device": "auto", "budget": {"bytes": 26 << 30, "why": ""}, "cards": None,
    "residents": [{"name": "gemma3:1b", "size": 2 << 30, "size_vram": 2 << 30}, {"name": "slow", "size": 1 << 30, "size_vram": 0},
                  {"name": "coming", "size": None, "size_vram": None}],
    "in_flight": 2,
    "queue": [{"model": "gemma3:1b", "waiting": 3}, {"model": "b", "waiting": 1}], "origin": "local",
}  # fmt: skip
BOX = LOCAL | {"name": "box", "url": "http://[::1]:1", "state": "down", "budget": {"bytes": None, "why": ""}, "residents": []}


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setattr(machines, "out", Console(width=200, highlight=False))


def test_ls_shows_memory_queue_and_address(fake, run):  # noqa: F811
    fake.routes = {"GET /machines": (200, {"data": [LOCAL, BOX]})}
    shown = run("machines", "ls").stdout
    assert "3.0 GiB of 26.0 GiB" in shown and "gemma3:1b, slow, coming" in shown and " 4 " in shown and "http://[::1]:1" in shown
    assert json.loads(run("machines", "ls", "--json").stdout) == {"data": [LOCAL, BOX]}


def test_add_sends_what_was_said_and_nothing_else(fake, run):  # noqa: F811
    fake.routes = {"POST /machines": (201, LOCAL)}
    assert "gpu is there" in run("machines", "add", "gpu", "http://gpu").stdout
    words = ("--budget-gb", "26", "--device", "gpu", "--label", "a", "--label", "b", "--always-on", "gemma3", "--json")
    assert json.loads(run("machines", "add", "gpu", "http://gpu", *words).stdout) == LOCAL
    words = ("--kind", "vllm", "--machine-key", "sk-1")
    run("machines", "add", "lab", "http://lab", *words)
    *_, engine = (json.loads(body) for _, _, body in fake.requests)
    assert engine == {"name": "lab", "url": "http://lab", "kind": "vllm", "key": "sk-1"}
    run(
        "machines",
        "add",
        "lab",
        "http://lab",
        "--num-parallel",
        "4",
        "--max-loaded-models",
        "2",
        "--kv-cache-type",
        "q8_0",
        "--no-flash-attention",
    )
    started = json.loads(fake.requests[-1][2])
    assert started == {
        "name": "lab",
        "url": "http://lab",
        "num_parallel": 4,
        "max_loaded_models": 2,
        "kv_cache_type": "q8_0",
        "flash_attention": False,
    }
    plain, whole, *_ = (json.loads(body) for _, _, body in fake.requests)
    assert plain == {"name": "gpu", "url": "http://gpu"}
    assert whole == plain | {"budget_bytes": 26 << 30, "device": "gpu", "labels": ["a", "b"], "always_on": ["gemma3"]}


@pytest.mark.parametrize(("answer", "words"), [
    ((200, {"name": "gpu", "removed": True}), "gpu is removed"), ((202, LOCAL | {"name": "gpu"}), "gpu drains and goes when its 2"),
])  # fmt: skip
def test_rm_says_whether_it_is_gone(fake, run, answer, words):  # noqa: F811
    fake.routes = {"DELETE /machines/gpu": answer}
    assert words in run("machines", "rm", "gpu").stdout


def test_a_refusal_ends_with_its_sentence_and_its_cure(fake, run):  # noqa: F811
    fake.routes = {"DELETE /machines/local": (409, {"detail": "The machine local comes from OLLAMA_URL.", "hint": "Change it."})}
    ended = run("machines", "rm", "local")
    assert ended.exit_code == REFUSED and "comes from OLLAMA_URL" in ended.stderr and "Change it." in ended.stderr
    run("machines", "rm", "a/b?c#d")
    assert fake.requests[-1][0] == "DELETE /machines/a%2Fb%3Fc%23d"
