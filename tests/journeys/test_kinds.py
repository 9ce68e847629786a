"""A real server over an Ollama and one machine of every other kind: asked alike, moved in turn, and shown alike everywhere."""

import json
import subprocess
import sys
from contextlib import ExitStack

import httpx2
import pytest

from tests.fakes.llamacpp import FakeLlamaCpp
from tests.fakes.lmstudio import FakeLmStudio
from tests.fakes.ollama import FakeOllama
from tests.fakes.textgen import FakeTextgen
from tests.fakes.vllm import FakeVllm
from tests.journeys.conftest import in_a_thread
from tests.journeys.server import KEY, MASTER, ROOT, Server
from tests.journeys.test_machines import until

GB = 10**9
ADDED = {"cpp": "llamacpp", "web": "textgen"}
MODELS = {"lab": "Qwen/Qwen3-8B", "mac": "mac-large", "cpp": "cpp-a", "web": "web-a", "local": "gemma3:1b"}
#: What differs between two looks at the same state.
MOVING = {"checked_at", "since", "oldest_seconds", "eta_seconds"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """(server, client, fakes): `local`, a vLLM with a key and an LM Studio of the settings, the others added by hand."""
    fakes = {
        "local": FakeOllama(),
        "lab": FakeVllm({MODELS["lab"]: 9 * GB}, key="sk-lab"),
        "mac": FakeLmStudio({"mac-small": GB, "mac-large": 9 * GB}),
        "cpp": FakeLlamaCpp({"cpp-a": GB, "cpp-b": GB}),
        "web": FakeTextgen({"web-a": GB, "web-b": GB}, key="sk-web"),
    }
    with ExitStack() as stack:
        for fake in fakes.values():
            stack.enter_context(in_a_thread(fake))
        machines = f"lab=vllm+{fakes['lab'].url}|sk-lab,mac=lmstudio+{fakes['mac'].url}"
        server = Server(tmp_path_factory.mktemp("kinds") / "data", OLLAMA_URL=fakes["local"].url, MACHINES=machines)
        server.start()
        stack.callback(server.kill)
        client = stack.enter_context(server.client())
        for name, kind in ADDED.items():
            key = ("--machine-key", fakes[name].key) if fakes[name].key else ()
            assert "is there" in told_by(server, "machines", "add", name, fakes[name].url, "--kind", kind, *key)
        until(lambda: {one["state"] for one in client.get("/machines").json()["data"]} == {"up"})
        until(lambda: set(MODELS.values()) <= {one["name"] for one in client.get("/models/list").json()["models"]})
        yield server, client, fakes


def told_by(server, *words):
    """What the command line prints."""
    environment = {"API_KEY": KEY, "PATH": "", "COLUMNS": "200"}
    command = [sys.executable, "cli.py", "--url", server.url, *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout


def question(model):
    return {"model": model, "messages": [{"role": "user", "content": "oi"}]}


def still(value):
    """`value` without what moves by itself."""
    if isinstance(value, dict):
        return {name: still(one) for name, one in value.items() if name not in MOVING}
    return [still(one) for one in value] if isinstance(value, list) else value


def agreed(server, client):
    """(what `top` tells, the machines and the queue as the API does) of one moment: a probe may have come between two looks."""

    def looked():
        told = json.loads(told_by(server, "top", "--json"))
        shown = {"machines": client.get("/machines").json()["data"], "queue": client.get("/queue").json()}
        return (told, shown) if still(told) == still(shown) else None

    return until(looked)


def test_machines_of_all_kinds_are_shown_without_their_keys_and_outlive_a_crash(stage):
    server, client, _ = stage
    shown = {one["name"]: one for one in client.get("/machines").json()["data"]}
    assert {name: one["kind"] for name, one in shown.items()} == {
        "local": "ollama", "lab": "vllm", "mac": "lmstudio", "cpp": "llamacpp", "web": "textgen"
    }  # fmt: skip
    assert {name for name, one in shown.items() if one["has_key"]} == {"lab", "web"} and shown["lab"]["fixed"] is None
    assert shown["lab"]["health"]["version"] == "0.14.0"
    server.kill()
    assert not any(secret in path.read_bytes() for path in server.data_dir.iterdir() if path.is_file()
                   for secret in (b"sk-web", b"sk-lab"))  # fmt: skip
    server.start()
    until(lambda: {one["state"] for one in client.get("/machines").json()["data"]} == {"up"})
    until(lambda: set(MODELS.values()) <= {one["name"] for one in client.get("/models/list").json()["models"]})
    refused = client.post("/machines", json={"name": "x", "url": "http://x", "kind": "toaster"})
    assert refused.status_code == 422 and "lmstudio, textgen, vllm" in refused.json()["hint"]
    refused = client.post("/models/install", json={"model": "gemma3", "machine": "lab"})
    assert refused.status_code == 409 and "vLLM" in refused.json()["detail"]


@pytest.mark.parametrize("machine", MODELS)
def test_every_kind_answers_at_every_front(stage, machine):
    _, client, fakes = stage
    model = MODELS[machine]
    answer = client.post("/v1/chat/completions", json=question(model))
    assert answer.status_code == 200 and answer.headers["x-myelin-machine"] == machine, answer.text
    answer = client.post("/api/chat", json=question(model) | {"stream": False})
    assert answer.status_code == 200 and answer.json()["message"]["content"]
    lines = client.post("/api/chat", json=question(model)).text.splitlines()
    assert json.loads(lines[-1])["done"] and len(lines) > 1
    answer = client.post("/v1/messages", json=question(model) | {"max_tokens": 50})
    assert answer.status_code == 200 and answer.json()["content"]
    assert machine == "local" or fakes[machine].surprises == []


def test_models_of_an_engine_take_turns(stage):
    _, client, fakes = stage
    for model in ("mac-small", "mac-large", "mac-small"):
        answer = client.post("/v1/chat/completions", json=question(model))
        assert answer.status_code == 200
        assert fakes["mac"].in_memory(model), "and the other one had to leave: nobody said how much memory there is"
    assert not fakes["mac"].in_memory("mac-large") and fakes["mac"].surprises == []


def test_every_view_shows_the_same_truth_and_top_too(stage):
    server, client, fakes = stage
    client.post("/v1/chat/completions", json=question("mac-small"))
    fakes["local"].token_seconds = 0.3
    fakes["local"].answers.append("palavra " * 200)
    with client.stream("POST", "/api/chat", json=question("gemma3:1b")) as answer:
        lines = answer.iter_lines()
        next(lines)
        _, shown = agreed(server, client)
        machines, queue = shown["machines"], shown["queue"]
        local = next(one for one in machines if one["name"] == "local")
        assert [(one["model"], one["inside"], one["waiting"]) for one in local["queue"]] == [("gemma3:1b", 1, 0)]
        assert [(one["machine"], one["model"], one["inside"]) for one in queue["turns"]] == [("local", "gemma3:1b", 1)]
        memory = {(one["name"], model["name"]) for one in machines for model in one["residents"]}
        listed = client.get("/models/list").json()["models"]
        assert {(one["machine"], one["name"]) for one in listed if one["resident"]} == memory
        available = client.get("/api/available_models").json()["models"]
        assert {(one["machine"], one["name"]) for one in available if one["state"] == "resident"} == memory
        gemma = next(one for one in available if one["name"] == "gemma3:1b")
        assert (gemma["inside"], gemma["waiting"]) == (1, 0) and gemma["since"] and gemma["eta_seconds"] is not None
        assert {one["name"] for one in client.get("/api/ps").json()["models"]} == {model for _, model in memory}
        assert ("mac", "mac-small") in memory and ("local", "gemma3:1b") in memory
        assert "gemma3:1b" in told_by(server, "top", "--once")
    fakes["local"].token_seconds = 0.0


@pytest.mark.parametrize("model", ["mac-small", "cpp-b", MODELS["lab"]])
def test_a_document_is_read_by_a_model_of_an_engine_that_is_loaded_for_it(stage, model):
    _, client, fakes = stage
    form = {"prompt": "Qual é o CNPJ?", "format_response": '{"cnpj": ""}', "ai_provider": "ollama", "model": model}
    told = client.post("/upload?wait=60", data=form, files={"file": ("a.txt", b"Emitente CNPJ 11.222.333/0001-81")}).json()
    assert told["status"] == "done" and told["model"] == model, told["error"]
    assert told["response"] == {"cnpj": "11.222.333/0001-81"}
    assert all(fake.surprises == [] for name, fake in fakes.items() if name != "local")


def test_a_model_of_an_engine_is_loaded_before_it_is_asked(stage):
    _, client, fakes = stage
    assert client.post("/preload", json={"model": "web-a"}).json()["machine"] == "web"
    until(lambda: client.post("/preload", json={"model": "web-a"}).json()["status"] == "ready")
    assert fakes["web"].memory == ["web-a"]


def has(fakes, machine):
    if machine != "local":
        return fakes[machine].in_memory(MODELS[machine])
    return MODELS[machine] in [one["name"] for one in httpx2.get(f"{fakes['local'].url}/api/ps").json()["models"]]


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
@pytest.mark.parametrize("machine", MODELS)
def test_ollamas_way_of_loading_and_unloading_moves_models_of_every_kind(stage, machine, path):
    """A body without a question loads, with a `keep_alive` of 0 it unloads: for the operator, and for nobody else."""
    server, client, fakes = stage
    body = {"model": MODELS[machine]} | ({"messages": []} if path == "/api/chat" else {})
    told = client.post(path, json=body | {"keep_alive": 0})
    assert (told.status_code, told.json()["done_reason"]) == (200, "unload") and not has(fakes, machine)
    told = client.post(path, json=body)
    assert (told.status_code, told.json()["done_reason"]) == (200, "load") and has(fakes, machine)
    assert told.headers["x-myelin-machine"] == machine
    with server.client(MASTER) as master:
        key = master.post("/admin/create_key?name=ana&email=a@b.c").json()["api_key"]
    with server.client(key) as somebody:
        assert somebody.post(path, json=body | {"keep_alive": "0s"}).status_code == 403
        assert somebody.post(path, json=body).json()["done_reason"] == "load"
    assert has(fakes, machine) and (machine == "local" or fakes[machine].surprises == [])


@pytest.mark.parametrize("machine", MODELS)
def test_a_model_of_every_kind_is_deactivated_and_activated(stage, machine):
    server, client, fakes = stage
    model = MODELS[machine]
    assert client.post("/v1/chat/completions", json=question(model)).status_code == 200

    def switched(verb, *where):
        told = json.loads(told_by(server, "models", verb, model, *where, "--json"))
        assert (told["state"], told["model"], told["detail"]) == ("done", model, "")
        assert told == client.get("/models/operations/" + told["id"]).json()

    for where in ((), ("--machine", machine)):
        switched("deactivate", *where)
        assert client.get("/models/list").json()["deactivated"] == [{"model": model, "machine": where[-1] if where else None}]
        assert f"deactivated: {model} on {where[-1] if where else 'all machines'}" in told_by(server, "models", "ls")
        named = client.post("/v1/chat/completions", json=question(f"ollama/{model}"))
        assert named.status_code == 404 and "is deactivated" in named.json()["error"]["message"]
        assert not has(fakes, machine) and client.post("/v1/chat/completions", json=question(model)).status_code == 404
        assert client.post("/preload", json={"model": model}).status_code == 404 and not has(fakes, machine)
        for path in ("/models/list", "/api/available_models", "/api/tags"):
            assert model not in {one["name"] for one in client.get(path).json()["models"]}
        switched("activate", *where)
        assert client.post("/v1/chat/completions", json=question(model)).status_code == 200
    refused = client.post("/models/deactivate", json={"model": model + "x", "machine": machine})
    assert refused.status_code == 404 and model in refused.json()["hint"]


def test_a_model_that_is_always_on_stays_for_as_long_as_it_is_served(stage):
    server, client, fakes = stage
    assert client.patch("/machines/cpp", json={"always_on": ["cpp-b"]}).status_code == 200
    until(lambda: fakes["cpp"].in_memory("cpp-b"))
    assert json.loads(told_by(server, "models", "deactivate", "cpp-b", "--json"))["detail"] == ""
    assert not fakes["cpp"].in_memory("cpp-b")
    server.kill()
    server.start()
    until(lambda: client.get("/machines/cpp").json()["state"] == "up")
    assert client.post("/v1/chat/completions", json=question("cpp-a")).status_code == 200
    assert not fakes["cpp"].in_memory("cpp-b")
    told_by(server, "models", "activate", "cpp-b")
    until(lambda: fakes["cpp"].in_memory("cpp-b"))
    assert client.patch("/machines/cpp", json={"always_on": []}).status_code == 200 and fakes["cpp"].surprises == []


def test_a_machine_that_breaks_is_named_and_its_address_is_not(stage):
    _, client, fakes = stage
    fakes["cpp"].speaker.fail("refuse", status=500, message="boom")
    answer = client.post("/v1/chat/completions", json=question("cpp-a"))
    message = answer.json()["error"]["message"]
    assert answer.status_code >= 500 and "cpp" in message and "cpp-a" in message
    assert fakes["cpp"].url.removeprefix("http://") not in answer.text


def test_a_model_that_was_pulled_behind_our_back_is_found_at_once_by_its_bare_name(stage):
    _, client, fakes = stage
    assert fakes["local"].machine.copy("gemma3:1b", "fresh")
    assert client.post("/v1/chat/completions", json=question("fresh")).status_code == 200
