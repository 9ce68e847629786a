"""The lists of the fronts over a real server, as the clients of each dialect ask for them."""

import pytest
from anthropic import Anthropic
from ollama import Client as OllamaClient
from openai import OpenAI

from tests.journeys.server import KEY


def test_the_models_of_every_provider_are_listed_as_each_client_wants_them(client):
    tags = client.get("/api/tags").json()["models"]
    names = {model["name"] for model in tags}
    assert {"gemma3:1b", "llama3.2:3b", "nomic-embed-text:latest"} <= names
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list" and {model["id"] for model in listed["data"]} == names
    anthropic = client.get("/v1/models", headers={"anthropic-version": "2023-06-01"}, params={"limit": 1}).json()
    assert len(anthropic["data"]) == 1 and anthropic["data"][0]["type"] == "model"
    one = tags[0]["name"]
    assert client.get(f"/v1/models/{one}").json()["id"] == one
    shown = client.post("/api/show", json={"model": one}).json()
    assert shown["capabilities"] and shown["model_info"]["general.architecture"]


def test_an_unknown_model_is_told_with_its_neighbours_in_each_dialect(client):
    near = "gemma3:1bx"
    error = client.get(f"/v1/models/{near}").json()["error"]
    assert error["code"] == "model_not_found" and "gemma3:1b" in error["message"]
    refused = client.post("/api/show", json={"model": near})
    assert refused.status_code == 404 and isinstance(refused.json()["error"], str)


def test_what_ollama_clients_ask_first(client):
    assert client.get("/api/version").json()["version"].count(".") == 2
    assert client.get("/api/ps").status_code == 200
    for path in ("/", "/api/tags", "/v1/models", "/livez"):  # each on the same connection: no byte of content is in the way
        head = client.head(path, headers={"User-Agent": "ollama/0.12"})
        assert head.status_code == 200 and head.content == b""


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/create"), ("POST", "/api/push"), ("HEAD", "/api/blobs/sha256:ab")])
def test_what_is_not_served_is_refused(client, method, path):
    assert client.request(method, path).status_code == 403


def test_pull_copy_and_delete_are_the_operators(client, ollama):
    lines = client.post("/api/pull", json={"model": "tinyllama:latest"}).text.splitlines()
    assert '"success"' in lines[-1]
    assert client.post("/api/copy", json={"source": "tinyllama:latest", "destination": "copied:1b"}).status_code == 200
    assert client.request("DELETE", "/api/delete", json={"name": "tinyllama:latest"}).status_code == 200
    listed = {model["name"] for model in client.get("/api/tags").json()["models"]}
    assert "copied:1b" in listed and "tinyllama:latest" not in listed, "the lists know it at once"
    assert "copied:1b" in ollama.machine.installed and "tinyllama:latest" not in ollama.machine.installed
    assert client.request("DELETE", "/api/delete", json={"name": "copied:1b"}).status_code == 200


def test_the_official_clients_list_the_models(server):
    with OllamaClient(server.url, headers={"Authorization": f"Bearer {KEY}"}) as ollama:
        assert ollama.list().models
    with OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as openai:
        assert openai.models.list().data
    with Anthropic(base_url=server.url, api_key=KEY) as anthropic:
        assert anthropic.models.list().data


def test_the_ollama_client_chats_streams_and_embeds(server, ollama):
    """The fake reads documents: what it says to a plain question is its own affair, that it arrives is ours."""
    messages = [{"role": "user", "content": "Say something."}]
    with OllamaClient(server.url, headers={"Authorization": f"Bearer {KEY}"}) as client:
        ollama.answers = ["Olá, mundo."] * 3
        whole = client.chat("gemma3:1b", messages)
        assert whole.message.content == "Olá, mundo." and whole.done and whole.eval_count
        pieces = list(client.chat("gemma3:1b", messages, stream=True))
        assert "".join(piece.message.content for piece in pieces) == "Olá, mundo." and pieces[-1].done
        assert client.generate("gemma3:1b", "Say something.").response == "Olá, mundo."
        assert len(client.embed("nomic-embed-text", ["a", "b"]).embeddings) == 2


def test_a_document_of_tools_and_a_schema_reach_the_model(server, ollama):
    tool = {
        "type": "function",
        "function": {"name": "look", "description": "", "parameters": {"type": "object", "properties": {}}},
    }
    with OllamaClient(server.url, headers={"Authorization": f"Bearer {KEY}"}) as client:
        ollama.answers = ['{"a": 1}']
        reply = client.chat("llama3.2:3b", [{"role": "user", "content": "x"}], format={"type": "object", "properties": {}})
        assert reply.message.content == '{"a": 1}'
        client.chat("llama3.2:3b", [{"role": "user", "content": "x"}], tools=[tool])
    sent = ollama.bodies("/api/chat")[-1]
    assert sent["tools"][0]["function"]["name"] == "look" and sent["truncate"] is False
