"""Models take turns on a real server: loaded ahead, drained, deactivated, told with their machine."""

import re
from pathlib import Path

import httpx2
import pytest

from tests.fakes.ollama_models import GIB, FakeModel
from tests.journeys.server import MASTER, running

GIANT = FakeModel("giant:4t", 4096 * GIB, "4T")
CHAT = {"messages": [{"role": "user", "content": "Say hello."}]}
TOO_LARGE = re.compile(r"giant:4t needs 4\d{3}\.\d GiB by an estimate, and models may take \d+\.\d GiB on the machine local")
ANTHROPIC = {"max_tokens": 20, "messages": CHAT["messages"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory, ollama):
    ollama.machine.installed[GIANT.name] = GIANT
    folder = tmp_path_factory.mktemp("turns") / "data"
    with running(folder, OLLAMA_URL=ollama.url, VRAM_LIMIT_GB="4") as started:
        yield started


def resident(ollama) -> list[str]:
    return [model["name"] for model in httpx2.get(f"{ollama.url}/api/ps").json()["models"]]


def until(client, wanted) -> dict:
    """The answer of a preload that is the wanted one, asked for again while it loads."""
    for _ in range(100):
        told = client.post("/preload", json={"model": "gemma3:1b"})
        if told.json().get("status") == wanted:
            return told.json()
        client.get("/responses?wait=0")
    raise AssertionError(told.text)


def test_a_model_is_loaded_before_it_is_asked(client, ollama):
    first = client.post("/preload", json={"model": "gemma3:1b"})
    assert first.status_code in (200, 202) and first.json()["machine"] == "local"
    ready = until(client, "ready")
    assert ready == {"model": "gemma3:1b", "status": "ready", "machine": "local", "eta_seconds": 0.0}
    assert resident(ollama) == ["gemma3:1b"]
    answered = client.post("/v1/chat/completions", json=CHAT | {"model": "gemma3:1b"})
    assert answered.status_code == 200 and answered.headers["x-myelin-machine"] == "local"


def test_a_model_that_nobody_has_cannot_be_loaded(client):
    told = client.post("/preload", json={"model": "gemma3:1bx"})
    assert told.status_code == 404 and "gemma3:1b" in told.json()["hint"]
    assert client.post("/preload", json={"modell": "x"}).status_code == 422


def test_the_switch_of_compute_drains_the_turns_and_gives_them_again(client):
    changed = client.post("/config/compute", json={"mode": "cpu"}).json()
    assert changed["switch"]["state"] == "done", changed["switch"]
    answered = client.post("/v1/chat/completions", json=CHAT | {"model": "gemma3:1b"})
    assert answered.status_code == 200
    assert client.post("/config/compute", json={"mode": "auto"}).json()["switch"]["state"] == "done"


def test_a_model_that_is_deactivated_is_neither_listed_nor_served(client):
    def listed() -> set[str]:
        return {model["name"] for model in client.get("/api/tags").json()["models"]}

    def switched(kind: str) -> None:
        begun = client.post(f"/models/{kind}?stream=1", json={"model": "llama3.2:3b"})
        assert begun.status_code in (200, 202) and '"done"' in begun.text.splitlines()[-1]

    assert "llama3.2:3b" in listed()
    switched("deactivate")
    assert "llama3.2:3b" not in listed()
    refused: httpx2.Response = client.post("/v1/chat/completions", json=CHAT | {"model": "llama3.2:3b"})
    assert refused.status_code == 404
    switched("activate")
    assert "llama3.2:3b" in listed()
    assert client.post("/v1/chat/completions", json=CHAT | {"model": "llama3.2:3b"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/preload", {}),
        ("/v1/chat/completions", CHAT),
        ("/v1/chat/completions", CHAT | {"stream": True}),
        ("/v1/responses", {"input": "Say hello."}),
        ("/v1/messages", ANTHROPIC),
        ("/v1/messages", ANTHROPIC | {"stream": True}),
        ("/api/chat", CHAT),
        ("/api/chat", CHAT | {"stream": False}),
        ("/api/generate", {"prompt": "Say hello."}),
    ],
)
def test_a_model_larger_than_the_memory_is_refused_at_once_in_every_dialect(client, ollama, path, body):
    """The fronts know no 422 and say 400."""
    told = client.post(path, json=body | {"model": f"ollama/{GIANT.name}"})
    assert told.status_code == (422 if path == "/preload" else 400), told.text
    assert TOO_LARGE.search(told.text), told.text
    assert not [name for name, _ in ollama.machine.loads if name == GIANT.name]


def test_a_document_for_a_model_larger_than_the_memory_fails_with_the_same_numbers(client):
    document = Path("samples/nota.pdf").read_bytes()
    form = {"prompt": "Qual o CNPJ?", "format_response": '{"cnpj": ""}', "ai_provider": "ollama", "model": GIANT.name}
    told = client.post("/upload?wait=60", data=form, files={"file": ("nota.pdf", document)})
    failed = told.json()
    assert failed["status"] == "failed" and failed["error"]["code"] == "model_too_large", failed
    assert TOO_LARGE.search(failed["error"]["message"])


def test_the_operator_takes_a_model_out_of_memory_and_a_client_does_not(server, client, ollama):
    until(client, "ready")
    with server.client(MASTER) as master:
        made = master.post("/admin/create_key?name=ana&email=a@b.c").json()
    with server.client(made["api_key"]) as somebody:
        refused = somebody.post("/api/generate", json={"model": "gemma3:1b", "keep_alive": 0})
        assert refused.status_code == 403 and "gemma3:1b" in resident(ollama)
    told = client.post("/api/generate", json={"model": "gemma3:1b", "keep_alive": 0})
    assert (told.status_code, told.json()["done_reason"]) == (200, "unload")
    assert "gemma3:1b" not in resident(ollama)
