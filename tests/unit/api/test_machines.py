import asyncio
from types import SimpleNamespace

import orjson
import pytest
from fastapi import FastAPI

from api import errors, machines
from api.credentials import Credentials
from api.gate import Gate, rules_of
from api.limits import Buckets
from core.clock import Clock
from core.machines import Named
from fleet.compute import Resident
from fleet.machines.opening import named
from fleet.telemetry import Cards
from tests.unit.api.asgi import call
from tests.unit.fleet.machines.rooms import Rows, factories, opened, working

KEY, CLIENT = "operator-key-1234567890", "client-key-1234567890"
FIXED = named("http://localhost:11434", (Named("box", "http://box:11434"),), ("gemma3",))
GPU = {"name": "gpu", "url": "http://10.0.0.5:11434"}


class Agents:
    """`with_key` are the machines whose agents have a key; `ended` those whose agents' work was ended."""

    def __init__(self):
        self.with_key, self.ended = {"gpu"}, []
        self.keys = SimpleNamespace(revoke=self._revoke)

    async def _revoke(self, machine):
        had = machine in self.with_key
        self.with_key.discard(machine)
        return had

    def revoke(self, machine):
        self.ended.append(machine)


@pytest.fixture
async def ask():
    turns = {}
    async with opened(FIXED, Rows(), factories(opened=turns)) as registry:
        app = FastAPI(openapi_url=None)
        app.include_router(machines.router)
        errors.install(app)
        credentials, agents = Credentials(KEY, "", b"pepper", lambda: asyncio.sleep(0, {})), Agents()
        app.state.house = SimpleNamespace(
            clock=Clock(), machines=registry, agent_keys=agents.keys, agents=agents, credentials=credentials
        )
        gate = Gate(
            app, rules=rules_of(machines.router.routes), credentials=credentials,
            buckets=Buckets(0, lambda: 0.0), file_bytes=1 << 20, allowed_hosts=("*",), trusted_proxies=(),
        )  # fmt: skip

        async def ask(method, path="/machines", body=None, key=KEY):
            headers = [("Key", key)] if key else []
            return await call(gate, method, path, headers, b"" if body is None else orjson.dumps(body))

        ask.machines, ask.turns, ask.agents = registry, turns, agents
        yield ask


async def test_what_other_programs_have_of_the_cards_shows(ask):
    assert (await ask("GET", "/machines/local")).json["cards"] is None
    ask.machines.local.cards = Cards(24 << 30, 9 << 30, 3 << 30)
    shown = (await ask("GET", "/machines/local")).json["cards"]
    assert shown == {"total": 24 << 30, "models": 6 << 30, "others": 3 << 30, "free": 15 << 30}


async def test_a_machine_is_added_shown_changed_and_removed(ask):
    wish = GPU | {"device": "gpu", "budget_bytes": 26 << 30, "labels": ["a100"], "always_on": ["qwen3:8b"]}
    got = await ask("POST", body=wish)
    assert got.status == 201 and got.headers["location"] == "/machines/gpu"
    assert {name: got.json[name] for name in wish if name != "budget_bytes"} == {
        k: v for k, v in wish.items() if k != "budget_bytes"
    }
    assert got.json["budget"] == {"bytes": 26 << 30, "why": "a test"} and (got.json["origin"], got.json["state"]) == (
        "api",
        "unknown",
    )
    assert (await ask("GET", "/machines/gpu")).json == got.json
    assert [one["name"] for one in (await ask("GET")).json["data"]] == ["local", "box", "gpu"]
    changed = (await ask("PATCH", "/machines/gpu", {"enabled": False, "labels": [], "budget_bytes": None})).json
    assert (changed["state"], changed["labels"], changed["budget"]["bytes"], changed["device"]) == ("disabled", [], None, "gpu")
    assert (await ask("DELETE", "/machines/gpu")).json == {"name": "gpu", "removed": True}
    assert (await ask("GET", "/machines/gpu")).status == 404
    assert not ask.agents.with_key and ask.agents.ended == ["gpu"]  # its agent is trusted no more


async def test_how_the_server_of_a_machine_was_started_is_as_the_settings_say_or_its_own(ask):
    usual = {"num_parallel": 1, "max_loaded_models": None, "kv_cache_type": "f16", "flash_attention": True, "said": []}
    assert (await ask("GET", "/machines/local")).json["started_with"] == usual
    own = {"num_parallel": 4, "max_loaded_models": 2, "kv_cache_type": "q8_0", "flash_attention": False}
    assert (await ask("POST", body=GPU | own)).json["started_with"] == own | {"said": list(own)}
    back = (await ask("PATCH", "/machines/gpu", {"num_parallel": None, "kv_cache_type": "q4_0"})).json["started_with"]
    assert back == own | {"num_parallel": 1, "kv_cache_type": "q4_0", "said": list(own)[1:]}
    lab = (await ask("POST", body=GPU | {"name": "lab", "url": "http://lab", "kind": "textgen"})).json["started_with"]
    assert lab == usual | {"max_loaded_models": 1}


async def test_the_kind_and_the_key_of_a_machine(ask):
    got = await ask("POST", body=GPU | {"kind": "vllm", "key": "sk-secret"})
    assert (got.status, got.json["kind"], got.json["has_key"], got.json["fixed"]) == (201, "vllm", True, None)
    shown = [got, await ask("GET", "/machines/gpu"), await ask("GET"), await ask("PATCH", "/machines/gpu", {"labels": ["a"]})]
    assert ask.machines.get("gpu").record.key == "sk-secret" and not any("sk-secret" in one.body.decode() for one in shown)
    taken = (await ask("PATCH", "/machines/gpu", {"key": None})).json
    assert taken["has_key"] is False and ask.machines.get("gpu").record.key == ""
    refused = await ask("POST", body=GPU | {"name": "x", "url": "http://x", "kind": "toaster"})
    assert refused.json["hint"] == "Known are: ollama, llamacpp, lmstudio, textgen, vllm."


async def test_a_machine_that_stays_keeps_its_agent(ask):
    ask.agents.with_key.add("box")
    assert (await ask("DELETE", "/machines/box")).status == 409
    assert "box" in ask.agents.with_key and not ask.agents.ended


async def test_what_goes_on_is_shown(ask):
    engine = ask.machines.get("box")
    engine.health.answered("0.33.3", [Resident("gemma3:1b", 9, 9)], 0.0)
    engine.listed = {}
    with working(engine):
        async with ask.turns["box"].turn("gemma3:1b"):
            got = (await ask("GET", "/machines/box")).json
    assert got["health"] == {"state": "up", "failures": 0, "suspected": False, "version": "0.33.3", "error": None,
                             "checked_at": "1970-01-01T00:00:00.000Z"}  # fmt: skip
    assert got["residents"] == [{"name": "gemma3:1b", "state": "resident", "size": 9, "size_vram": 9, "always_on": False,
                                 "since": None, "eta_seconds": None}]  # fmt: skip
    assert got["queue"] == [{"model": "gemma3:1b", "waiting": 0, "inside": 1, "oldest_seconds": None, "eta_seconds": None}]
    assert (got["phase"], got["in_flight"], got["installed"]) == ("serving", 1, 0)
    assert (await ask("GET", "/machines/local")).json["installed"] is None


async def test_a_machine_with_work_in_flight_drains_first(ask):
    await ask("POST", body=GPU)
    with working(ask.machines.get("gpu")):
        got = await ask("DELETE", "/machines/gpu")
        assert (got.status, got.json["state"], got.json["in_flight"]) == (202, "draining", 1)
        assert (await ask("GET", "/machines/gpu")).json["state"] == "draining"
    await ask.machines.sweep()
    assert (await ask("GET", "/machines/gpu")).status == 404


@pytest.mark.parametrize(("body", "status", "field"), [
    ({"name": "GPU", "url": "http://x"}, 422, "name"), ({"name": "gpu"}, 422, "url"), ({"name": "gpu", "url": "x"}, 422, "url"),
    (GPU | {"url": "http://u:secret@x"}, 422, "url"), (GPU | {"device": "tpu"}, 422, "device"), (GPU | {"kind": "x"}, 422, "kind"),
    (GPU | {"budget_bytes": "26"}, 422, "budget_bytes"), (GPU | {"budget_bytes": 0}, 422, "budget_bytes"),
    (GPU | {"labels": ["A B"]}, 422, "labels"), (GPU | {"labels": "a"}, 422, "labels"), (GPU | {"enabled": "yes"}, 422, "enabled"),
    (GPU | {"always_on": ["../x"]}, 422, "always_on"), (GPU | {"vram": 1}, 422, "vram"), ([], 422, "body"),
    (GPU | {"key": "secret"}, 422, "key"), (GPU | {"kind": "vllm", "key": "secret secret"}, 422, "key"),
    (GPU | {"num_parallel": 0}, 422, "num_parallel"), (GPU | {"num_parallel": 2.5}, 422, "num_parallel"),
    (GPU | {"max_loaded_models": "2"}, 422, "max_loaded_models"), (GPU | {"kv_cache_type": "q2"}, 422, "kv_cache_type"),
    (GPU | {"flash_attention": 1}, 422, "flash_attention"), (GPU | {"kind": "vllm", "flash_attention": True}, 422, "flash_attention"),
    (GPU | {"name": "box"}, 409, "name"), (GPU | {"url": "http://127.0.0.1:11434"}, 409, "url"),
])  # fmt: skip
async def test_what_cannot_be_is_refused_by_its_member(ask, body, status, field):
    got = await ask("POST", body=body)
    assert (
        (got.status, got.json["errors"][0]["field"]) == (status, field) and got.json["hint"] and "secret" not in got.body.decode()
    )
    assert len((await ask("GET")).json["data"]) == 2


async def test_null_is_nothing_said_but_for_a_budget(ask):
    await ask("POST", body=GPU | {"budget_bytes": 5, "labels": ["a"]})
    got = (await ask("PATCH", "/machines/gpu", {"url": None, "device": None, "labels": None, "enabled": None})).json
    assert (got["url"], got["labels"], got["budget"]["bytes"]) == (GPU["url"], ["a"], 5)
    got = await ask("PATCH", "/machines/gpu", {"name": "other"})
    assert (got.status, got.json["errors"][0]["field"]) == (422, "name")


@pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("PATCH", {"url": "http://x"})])
@pytest.mark.parametrize(("name", "where"), [("local", "OLLAMA_URL"), ("box", "MACHINES")])
async def test_machines_of_the_settings_say_where_they_come_from(ask, method, body, name, where):
    got = await ask(method, f"/machines/{name}", body)
    assert got.status == 409 and where in got.json["detail"] and where in got.json["hint"]
    assert (await ask("PATCH", f"/machines/{name}", {"enabled": False})).json["state"] == "disabled"


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_unknown_machine_is_told_with_those_that_there_are(ask, method):
    got = await ask(method, "/machines/nobody", {} if method == "PATCH" else None)
    assert got.status == 404 and "local, box" in got.json["hint"]


def test_only_the_operator_may():
    for route in machines.router.routes:
        assert route.endpoint.__policy__.roles == {"operator"}, route.path
