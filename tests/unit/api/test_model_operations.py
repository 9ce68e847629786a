"""The routes of operations and of agents behind the real gate: who may, what is answered, which errors are told."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from tests.fakes.ollama import FakeOllama
from tests.journeys.moving_server import MASTER, OPERATOR, opened
from tests.unit.api.asgi import call
from tests.unit.fleet.operations.rooms import NAME, TEXTS, WEIGHTS

KINDS = ("install", "move", "duplicate", "delete", "activate", "deactivate")


class Server:
    def __init__(self, gate, a, b):
        self.gate, self.a, self.b = gate, a, b
        self.operations, self.agents = gate.app.state.house.operations, gate.app.state.house.agents

    async def ask(self, method, path, body=None, *, key=OPERATOR, raw=None):
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        headers = [("Key", key)] if key else []
        return await call(self.gate, method, path, headers, content, hangs_up=asyncio.Event())

    async def begin(self, kind, **body):
        return await self.ask("POST", f"/models/{kind}", body)

    async def ended(self, got):
        async with asyncio.timeout(20):
            async for seen in self.operations.watch(got.json["id"]):
                last = seen
        return last


@pytest.fixture
async def server(tmp_path):
    async with AsyncExitStack() as stack:
        a, b = [await stack.enter_async_context(FakeOllama()) for _ in range(2)]
        a.blobs.add(NAME, WEIGHTS, **TEXTS)
        gate = await opened(tmp_path, {"a": a.url, "b": b.url}, stack)
        yield Server(gate, a, b)


async def test_an_operation_begins_is_listed_and_ends(server):
    got = await server.begin("install", model="tinyllama", machine="b")
    assert got.status == 202 and got.headers["location"] == f"/models/operations/{got.json['id']}"
    assert got.json["kind"] == "install" and got.json["machine"] == "b" and got.json["from"] is None and got.json["to"] is None
    await server.ended(got)
    one = (await server.ask("GET", got.headers["location"])).json
    assert one["state"] == "done" and one["finished_at"].endswith("Z") and one["completed"] == one["total"]
    everyone = (await server.ask("GET", "/models/operations")).json["data"]
    assert [one["id"] for one in everyone] == [got.json["id"]]
    assert (await server.ask("GET", "/models/operations?unfinished=1")).json["data"] == []


async def test_progress_is_told_line_by_line(server):
    server.a.machine.installed.pop("qwen3:0.6b")
    got = await server.ask("POST", "/models/duplicate?stream=1", {"model": "qwen3:0.6b", "from": "b", "to": "a"})
    lines = [json.loads(line) for line in got.body.splitlines()]
    assert lines[0]["state"] == "queued" and lines[-1]["state"] == "done" and lines[-1]["same"] == "manifest"
    assert lines[-1]["from"] == "b" and lines[-1]["to"] == "a"
    again = await server.ask("GET", f"/models/operations/{lines[0]['id']}?stream=1")
    assert [json.loads(line)["state"] for line in again.body.splitlines()] == ["done"]


async def test_nothing_to_do_is_200(server):
    for kind, body in (("duplicate", {"from": "a", "to": "b"}), ("activate", {})):
        got = await server.begin(kind, model="gemma3:1b", **body)
        assert (got.status, got.json["state"]) == (200, "done")


async def test_a_second_operator_joins_or_is_told_the_id(server):
    await server.ask("POST", "/machines/a/agent")
    first = await server.begin("move", model=NAME, **{"from": "a", "to": "b"})
    assert (await server.begin("move", model=NAME, **{"from": "a", "to": "b"})).json["id"] == first.json["id"]
    refused = await server.begin("delete", model=NAME, machine="a")
    assert (refused.status, refused.json["code"]) == (409, "conflict") and first.json["id"] in refused.json["detail"]
    cancelled = await server.ask("DELETE", f"/models/operations/{first.json['id']}")
    assert cancelled.json["state"] == "cancelled"


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("install", {"model": "tinyllama", "machine": "c"}, 404, "not_found"),
        ("install", {"model": "evil.example/a/b", "machine": "a"}, 422, "invalid_field"),
        ("install", {"model": "tinyllama"}, 422, "invalid_field"),
        ("delete", {"model": "gemma3:2b", "machine": "a"}, 404, "model_not_found"),
        ("move", {"model": "gemma3:1b", "from": "a", "to": "a"}, 422, "invalid_field"),
        ("move", {"model": "gemma3:1b", "source": "a", "to": "b", "extra": 1}, 422, "invalid_field"),
        ("deactivate", {"model": "gemma3:2b"}, 404, "model_not_found"),
    ],
)
async def test_errors_are_typed(server, kind, body, status, code):
    got = await server.begin(kind, **body)
    assert (got.status, got.json["code"]) == (status, code) and got.json["hint"]
    assert server.operations.list() == []


async def test_unknown_operations_are_404(server):
    for method in ("GET", "DELETE"):
        assert (await server.ask(method, "/models/operations/nope")).status == 404


async def test_a_machine_that_is_down_is_502(server):
    await server.b.stop()
    got = await server.begin("install", model="tinyllama", machine="b")
    assert (got.status, got.json["code"]) == (502, "provider_unreachable")


@pytest.mark.parametrize("key", [None, MASTER, "agent"])
async def test_only_the_operator_may(server, key):
    if key == "agent":
        key = (await server.ask("POST", "/machines/a/agent")).json["api_key"]
    asked = [("POST", f"/models/{kind}") for kind in KINDS]
    asked += [(method, "/machines/a/agent") for method in ("GET", "POST", "DELETE")]
    asked += [("GET", "/models/operations"), ("DELETE", "/models/operations/x"), ("GET", "/models/operations/x")]
    for method, path in asked:
        assert (await server.ask(method, path, key=key)).status == (401 if key is None else 403), path


async def test_an_agents_key_is_shown_once_and_opens_only_its_own_routes(server):
    made = await server.ask("POST", "/machines/a/agent")
    key = made.json["api_key"]
    assert made.status == 201 and key.startswith("pbpm-") and "fleet.agent" in made.json["command"]
    assert key not in made.json["command"]
    shown = (await server.ask("GET", "/machines/a/agent")).json
    assert key.startswith(shown["begins_with"]) and shown["seen_at"] is None and "api_key" not in shown
    assert (await server.ask("GET", "/agent/work", key=key)).json == {"work": None}
    assert (await server.ask("GET", "/machines/a/agent")).json["seen_at"] is not None
    assert (await server.ask("GET", "/agent/work")).status == 403  # the operator is no agent
    assert (await server.ask("POST", "/machines/c/agent")).status == 404
    assert (await server.ask("GET", "/machines/b/agent")).status == 404


async def test_another_key_takes_the_place_of_the_former_one_and_a_revoked_one_is_dead_at_once(server):
    first = (await server.ask("POST", "/machines/a/agent")).json["api_key"]
    waiting = asyncio.create_task(server.ask("GET", "/agent/work?wait=60", key=first))
    await asyncio.sleep(0)
    second = (await server.ask("POST", "/machines/a/agent")).json["api_key"]
    assert (await server.ask("GET", "/agent/work", key=first)).status == 401
    assert (await server.ask("GET", "/agent/work", key=second)).status == 200
    assert (await server.ask("DELETE", "/machines/a/agent")).json == {"machine": "a", "revoked": True}
    assert (await server.ask("GET", "/agent/work", key=second)).status == 401
    assert (await server.ask("DELETE", "/machines/a/agent")).status == 404
    async with asyncio.timeout(5):
        assert (await waiting).json == {"work": None}  # nobody waits for work with a key that is no more


async def working(server):
    """An operation that waits for its manifest, its agent's key, and the work."""
    key = (await server.ask("POST", "/machines/a/agent")).json["api_key"]
    begun = await server.begin("move", model=NAME, **{"from": "a", "to": "b"})
    work = (await server.ask("GET", "/agent/work?wait=20", key=key)).json["work"]
    return begun, key, work


def manifest(server):
    return server.a.machine.installed[NAME].manifest


async def test_bytes_are_taken_from_where_they_end_and_nowhere_else(server):
    begun, key, work = await working(server)
    content = manifest(server)
    assert (work["what"], work["model"], work["offset"]) == ("manifest", NAME, 0)
    assert work["digest"] == f"sha256:{server.a.machine.installed[NAME].digest}"
    path, total = f"/agent/work/{work['id']}", len(content)
    assert (await server.ask("PUT", f"{path}?offset=0&total={total}", raw=content[:100], key=key)).json["offset"] == 100
    for wrong in (0, 50, 200):
        got = await server.ask("PUT", f"{path}?offset={wrong}&total={total}", raw=content[wrong:], key=key)
        assert got.json == {"offset": 100, "whole": False}
    again = (await server.ask("GET", "/agent/work", key=key)).json["work"]
    assert again["id"] == work["id"] and again["offset"] == 100
    got = await server.ask("PUT", f"{path}?offset=100&total={total}", raw=content[100:], key=key)
    assert got.json == {"offset": total, "whole": True}
    await server.ask("DELETE", f"/models/operations/{begun.json['id']}")
    assert (await server.ask("PUT", f"{path}?offset=0&total={total}", raw=b"x", key=key)).status == 404


async def test_sizes_that_cannot_be_are_refused(server):
    _, key, work = await working(server)
    path = f"/agent/work/{work['id']}"
    too_large = await server.ask("PUT", f"{path}?offset=0&total={2 << 20}", raw=b"x", key=key)
    assert (too_large.status, too_large.json["errors"][0]["field"]) == (422, "total")
    more = await server.ask("PUT", f"{path}?offset=0&total=3", raw=b"four", key=key)
    assert more.status == 422
    assert (await server.ask("PUT", f"{path}?offset=-1&total=3", raw=b"x", key=key)).status == 422
    assert (await server.ask("PUT", "/agent/work/..%2f..%2fetc?offset=0&total=3", raw=b"x", key=key)).status in (404, 422)


async def test_an_agent_reaches_no_work_of_another_machine(server):
    _, _, work = await working(server)
    stranger = (await server.ask("POST", "/machines/b/agent")).json["api_key"]
    assert (await server.ask("GET", "/agent/work", key=stranger)).json == {"work": None}
    for method, path, raw in (
        ("PUT", f"/agent/work/{work['id']}?offset=0&total=1", b"x"),
        ("POST", f"/agent/work/{work['id']}/failure", b'{"reason": "missing"}'),
    ):
        assert (await server.ask(method, path, raw=raw, key=stranger)).status == 404


@pytest.mark.parametrize(
    ("reason", "code"), [("missing", "not_found"), ("wrong_digest", "wrong_digest"), ("unreadable", "conflict")]
)
async def test_an_agent_that_cannot_says_why(server, reason, code):
    begun, key, work = await working(server)
    failure = {"reason": reason}
    got = await server.ask("POST", f"/agent/work/{work['id']}/failure", failure, key=key)
    assert got.json == {"noted": True}
    if reason == "wrong_digest":  # asked for once more
        again = (await server.ask("GET", "/agent/work?wait=20", key=key)).json["work"]
        assert again["digest"] == work["digest"] and again["id"] != work["id"]
        await server.ask("POST", f"/agent/work/{again['id']}/failure", failure, key=key)
    ended = await server.ended(begun)
    assert (ended.state, ended.error["code"]) == ("failed", code) and NAME in server.a.machine.installed


async def test_content_of_another_digest_is_refused(server):
    _, key, work = await working(server)
    got = await server.ask("PUT", f"/agent/work/{work['id']}?offset=0&total=4", raw=b"evil", key=key)
    assert (got.status, got.json["code"]) == (502, "wrong_digest")


async def test_a_revoked_key_ends_the_operation(server):
    begun, _, _ = await working(server)
    await server.ask("DELETE", "/machines/a/agent")
    ended = await server.ended(begun)
    assert (ended.state, ended.error["code"]) == ("failed", "agent_missing") and "revoked" in ended.error["message"]


async def test_operations_keys_and_marks_outlive_a_restart(tmp_path):
    async with FakeOllama() as a:
        async with AsyncExitStack() as stack:
            server = Server(await opened(tmp_path, {"a": a.url}, stack), a, a)
            key = (await server.ask("POST", "/machines/a/agent")).json["api_key"]
            await server.ended(await server.begin("deactivate", model="gemma3:1b"))
            await server.ended(await server.begin("deactivate", model="qwen3:0.6b", machine="a"))
        async with AsyncExitStack() as stack:
            server = Server(await opened(tmp_path, {"a": a.url}, stack), a, a)
            assert (await server.ask("GET", "/agent/work", key=key)).status == 200
            activity = server.gate.app.state.house.activity
            assert activity.marks == {("gemma3:1b", None), ("qwen3:0.6b", "a")}
            assert len((await server.ask("GET", "/models/operations")).json["data"]) == 2
