"""Models take turns on a real server: loaded ahead, drained, deactivated, told with their machine."""

import httpx2
import pytest

from tests.journeys.server import running

CHAT = {"messages": [{"role": "user", "content": "Say hello."}]}


@pytest.fixture(scope="module")
def server(tmp_path_factory, ollama):
    folder = tmp_path_factory.mktemp("turns") / "data"
    with running(folder, OLLAMA_URL=ollama.url, VRAM_LIMIT_GB="4") as started:
        yield started


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
    assert [model["name"] for model in httpx2.get(f"{ollama.url}/api/ps").json()["models"]] == ["gemma3:1b"]
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
