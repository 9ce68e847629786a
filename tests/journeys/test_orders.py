"""Orders of operators that go wrong, over HTTP and from the command line, at a real server with two machines.

Each ends in a stated error or in a finished operation, and never in two heavy models at once.
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.fakes.ollama_models import GIB, FakeModel
from tests.journeys.server import KEY, ROOT, Server
from tests.journeys.two_servers.stage import HELLO, SECONDS, Box, sizes, until

GIANT = FakeModel("giant:4t", 4096 * GIB, "4T")
NUMBERS = r"giant:4t needs 4\d{3}\.\d GiB .* models may take \d+\.\d GiB on the machine (local|box)"
FULL = "write /root/.ollama/models/blobs/sha256-00-partial: no space left on device"
STARTED = {
    "num_parallel": 4,
    "max_loaded_models": 2,
    "kv_cache_type": "q8_0",
    "flash_attention": True,
    "said": ["num_parallel", "max_loaded_models", "kv_cache_type"],
}
HOW = ("--num-parallel", "4", "--max-loaded-models", "2", "--kv-cache-type", "q8_0")


class Stage:
    """`north` and `south` are on `local` and have no room beside each other; `travelling` are there and in the registry of `box`."""

    def __init__(self, folder, stack):
        room = sizes()
        self.heavy = [FakeModel(f"{name}:8b", int(room * 0.55), "8B") for name in ("north", "south")]
        self.travelling = [FakeModel(f"travel-{number}:1b", 900_000_000, "1B") for number in range(3)]
        self.local, self.box = Box(room, [*self.heavy, *self.travelling, GIANT]), Box(room, [GIANT])
        self.box.fake.machine.library |= {model.name: model for model in self.travelling}
        for box in (self.local, self.box):
            stack.callback(box.close)
        self.pool = stack.enter_context(ThreadPoolExecutor(8))
        self.server = Server(folder / "data", OLLAMA_URL=self.local.fake.url)
        self.server.start()
        stack.callback(self.server.kill)
        self.client = stack.enter_context(self.server.client())
        added = self.run("machines", "add", "box", self.box.fake.url, "--budget-gb", "2", *HOW)
        assert added.returncode == 0, added.stderr
        until(lambda: {one["state"] for one in self.client.get("/machines").json()["data"]} == {"up"})
        until(lambda: GIANT.name in self.client.get("/v1/models").text)

    def run(self, *words):
        """The command line, to its end."""
        environment = {"API_KEY": KEY, "PATH": "", "COLUMNS": "300"}
        command = [sys.executable, "cli.py", "--url", self.server.url, *words]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)

    def ask(self, model):
        body = {"model": model.name, "messages": HELLO}
        return self.pool.submit(self.client.post, "/v1/chat/completions", json=body)


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with ExitStack() as stack:
        yield Stage(tmp_path_factory.mktemp("orders"), stack)


@pytest.fixture(autouse=True)
def apart(stage):
    """Whatever goes wrong, the two heavy models are never in memory together, and Ollama never has to let one go."""
    since = len(stage.local.history)
    yield
    assert stage.local.most(since, stage.heavy) <= 1
    assert not [one for one in stage.local.history[since:] if one.what in ("leaving", "oom")]


def test_how_a_server_was_started_is_kept_over_a_crash(stage):
    assert stage.client.get("/machines/box").json()["started_with"] == STARTED
    stage.server.kill()
    stage.server.start()
    assert stage.client.get("/machines/box").json()["started_with"] == STARTED
    assert stage.client.get("/machines/local").json()["started_with"]["said"] == []


@pytest.mark.parametrize(("member", "value", "option"), [
    ("num_parallel", 5000, ("--num-parallel", "5000")), ("kv_cache_type", "q2", ("--kv-cache-type", "q2")),
    ("budget_bytes", 1 << 60, ("--budget-gb", "1073741824")), ("always_on", ["../x"], ("--always-on", "../x")),
])  # fmt: skip
def test_a_machine_that_cannot_be_is_refused_by_its_member(stage, member, value, option):
    refused = stage.client.post("/machines", json={"name": "spare", "url": "http://127.0.0.1:9", member: value})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, member)
    told = stage.run("machines", "add", "spare", "http://127.0.0.1:9", *option)
    assert told.returncode == 4 and refused.json()["detail"] in told.stderr and refused.json()["hint"] in told.stderr
    assert stage.client.get("/machines/spare").status_code == 404


def test_a_model_larger_than_every_budget_is_refused_with_the_numbers(stage):
    refused = stage.client.post("/preload", json={"model": GIANT.name})
    assert (refused.status_code, refused.json()["code"]) == (422, "model_too_large")
    told = stage.run("models", "preload", GIANT.name)
    assert told.returncode == 4
    for words in (refused.json()["detail"], told.stderr):
        assert re.search(NUMBERS, words), words
    assert not [name for box in (stage.local, stage.box) for name, _ in box.fake.machine.loads if name == GIANT.name]


@pytest.mark.parametrize(("path", "body", "words"), [
    ("/preload", {"model": "nobody:7b"}, ("preload", "nobody:7b")),
    ("/models/move", {"model": "nobody:7b", "from": "local", "to": "box"}, ("move", "nobody:7b", "--from", "local", "--to", "box")),
    ("/models/duplicate", {"model": "nobody:7b", "from": "local", "to": "box"}, ("cp", "nobody:7b", "--from", "local", "--to", "box")),
    ("/models/move", {"model": "giant:4t", "from": "local", "to": "moon"}, ("move", "giant:4t", "--from", "local", "--to", "moon")),
    ("/models/delete", {"model": "nobody:7b", "machine": "box"}, ("rm", "nobody:7b", "--machine", "box")),
    ("/models/deactivate", {"model": "nobody:7b", "machine": "box"}, ("deactivate", "nobody:7b", "--machine", "box")),
])  # fmt: skip
def test_a_name_that_nobody_knows_is_told(stage, path, body, words):
    refused = stage.client.post(path, json=body)
    assert refused.status_code == 404 and refused.json()["hint"], refused.text
    told = stage.run("models", *words)
    assert told.returncode == 4 and refused.json()["detail"] in told.stderr


def test_a_model_that_no_registry_has_is_not_installed(stage):
    begun = stage.client.post("/models/install?stream=1", json={"model": "nobody:7b", "machine": "box"})
    told = stage.run("models", "pull", "nobody:7b", "--machine", "box")
    assert '"failed"' in begun.text.splitlines()[-1] and told.returncode == 1 and "nobody:7b" in told.stderr


def test_two_operators_who_move_the_same_model_move_it_once(stage):
    model, way = stage.travelling[0].name, {"from": "local", "to": "box"}
    stage.box.fake.pull_seconds = 0.3
    command = ("models", "move", model, "--from", "local", "--to", "box")
    operators = [stage.pool.submit(stage.run, *command) for _ in range(2)]
    begun = until(lambda: stage.client.get("/models/operations?unfinished=1").json()["data"])
    joined = stage.client.post("/models/move", json={"model": model, **way})
    assert joined.json()["id"] == begun[0]["id"]
    against = stage.run("models", "rm", model, "--machine", "local")
    assert against.returncode == 4 and begun[0]["id"] in against.stderr
    for told in operators:
        assert told.result(SECONDS).returncode == 0, told.result().stderr
    assert model in stage.box.names() and model not in stage.local.names()
    assert [one["model"] for one in stage.box.fake.bodies("/api/pull")].count(model) == 1
    stage.box.fake.pull_seconds = 0.0


def test_a_full_disk_of_the_target_is_told_and_what_is_given_up_changes_nothing(stage):
    model = stage.travelling[1].name
    stage.box.fake.fail("error_in_stream", message=FULL)
    told = stage.pool.submit(stage.run, "models", "move", model, "--from", "local", "--to", "box")
    (begun,) = until(
        lambda: [one for one in stage.client.get("/models/operations?unfinished=1").json()["data"] if "full" in one["detail"]]
    )
    assert stage.client.delete(f"/models/operations/{begun['id']}").status_code in (200, 202)
    ended = told.result(SECONDS)
    assert ended.returncode == 1 and model in ended.stderr
    stage.box.fake.heal()
    assert model in stage.local.names() and model not in stage.box.names()


def test_a_preload_while_the_switch_runs_comes_after_it(stage):
    north, south = stage.heavy
    stage.local.fake.token_seconds = 0.05
    inside = stage.ask(north)
    until(stage.local.is_busy)
    switch = stage.pool.submit(stage.client.post, "/config/compute", json={"mode": "cpu"})
    until(lambda: (stage.client.get("/config/compute").json()["switch"] or {}).get("state") == "running")
    again = stage.client.post("/config/compute", json={"mode": "auto"})
    assert again.status_code == 409 and again.json()["hint"]
    told = stage.run("models", "preload", south.name)
    assert told.returncode == 0 and f"{south.name} is" in told.stdout
    assert inside.result(SECONDS).status_code == 200 and switch.result(SECONDS).json()["switch"]["state"] == "done"
    stage.local.fake.token_seconds = 0.002
    until(lambda: stage.client.post("/preload", json={"model": south.name}).json()["status"] == "ready")
    assert stage.local.listed()[south.name]["size_vram"] == 0
    assert stage.client.post("/config/compute", json={"mode": "auto"}).json()["switch"]["state"] == "done"


def test_ollama_that_is_restarted_in_the_middle_of_a_swap_has_the_model_that_was_ordered(stage):
    north, south = stage.heavy
    assert stage.ask(north).result(SECONDS).status_code == 200
    stage.local.fake.load_seconds = 1.0
    assert stage.run("models", "preload", south.name).returncode == 0
    until(lambda: any(one["phase"] == "loading" for one in stage.client.get("/machines").json()["data"]))
    stage.local.restart()
    stage.local.fake.load_seconds = 0.1
    until(lambda: stage.client.post("/preload", json={"model": south.name}).json()["status"] == "ready")
    assert south.name in stage.local.listed()


@pytest.mark.parametrize("lie", [1, 1 << 50, "9"])
def test_a_machine_that_lies_about_sizes_breaks_no_view_and_no_turn(stage, lie):
    stage.local.fake.machine.told = lambda row: row | {"size": lie, "size_vram": lie}
    replies = [stage.ask(model) for _ in range(2) for model in stage.heavy]
    assert [reply.result(SECONDS).status_code for reply in replies] == [200] * 4
    for words in (("machines", "ls"), ("top", "--once"), ("models", "ps")):
        told = stage.run(*words)
        assert told.returncode == 0, told.stderr
    stage.local.fake.machine.told = lambda row: row
