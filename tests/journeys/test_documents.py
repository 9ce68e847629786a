"""What an integrator does, with real files, a real server and the providers' wire formats."""

import base64
import json
import re
import threading
from pathlib import Path

import httpx2
import pytest

from tests.fakes.ollama_models import FakeModel
from tests.journeys.server import MASTER, ROOT, Server

SAMPLES = ROOT / "samples"
QUESTIONS = json.loads((SAMPLES / "questions.json").read_text("utf-8"))
BY_FILE = {one["file"]: one for one in QUESTIONS}


def ask(client, name: str, *, wait: int = 60, headers=None, **fields) -> httpx2.Response:
    question = BY_FILE[name]
    form = {"prompt": question["prompt"], "format_response": json.dumps(question["format_response"]), "ai_provider": "builtin"}
    files = {"file": (name, (SAMPLES / name).read_bytes())}
    return client.post(f"/upload?wait={wait}", data=form | fields, files=files, headers=headers or {})


def leaves(value, path: str = ""):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}/{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}/{number}")
    else:
        yield path, value


@pytest.mark.parametrize("name", BY_FILE)
def test_the_finder_answers_every_sample_with_evidence(client, name):
    job = ask(client, name).json()
    assert job["status"] == "done", job["error"]
    assert job["response"] == BY_FILE[name]["answer"]
    for path, value in leaves(job["response"]):
        entry = job["evidence"][path]
        assert entry["value"] == value
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            assert entry["grounded"] and entry["page"] >= 1 and entry["quote"], (path, entry)
    assert job["document"]["pages_read"] == job["document"]["pages"] >= 1
    assert job["ai_provider"] == "builtin" and job["usage"]["cost_usd"] == 0


@pytest.mark.parametrize("name", ["nota.pdf", "nota_escaneada.pdf", "contrato.docx", "planilha.xlsx"])
@pytest.mark.parametrize(("provider", "model"), [("ollama", "gemma3:1b"), ("gemini", "gemini-2.0-flash")])
def test_models_answer_the_same_documents(client, name, provider, model):
    field = {"cnpj": ""}
    job = ask(
        client, name, ai_provider=provider, model=model, prompt="Extraia o CNPJ", format_response=json.dumps(field),
        **({"gemini_api_key": "AIza-journey-key-0123456789"} if provider == "gemini" else {}),
    ).json()  # fmt: skip
    assert job["status"] == "done", job["error"]
    assert list(job["response"]) == ["cnpj"]
    assert job["response"]["cnpj"] is None or job["evidence"]["/cnpj"]["grounded"]
    assert (job["ai_provider"], job["model"], job["routed_because"]) == (provider, model, "requested")
    assert job["usage"]["input_tokens"] > 0


def test_what_goes_out_to_ollama_fits_the_document(client, ollama):
    ask(client, "contrato.pdf", ai_provider="ollama", model="gemma3:1b")
    body = ollama.bodies("/api/chat")[-1]
    assert body["options"]["num_ctx"] >= 8192 and body["truncate"] is False and body["shift"] is False
    assert body["format"]["type"] in ("object", "array") and body["keep_alive"] == 900
    assert '<page number="30"' in body["messages"][-1]["content"]


def test_a_lying_model_is_flagged_and_kept(client, ollama):
    ollama.answers = ['{"cnpj": "99.999.999/9999-99"}'] * 2  # it is asked once more, and insists
    job = ask(client, "nota.pdf", ai_provider="ollama", model="gemma3:1b", format_response='{"cnpj": ""}').json()
    assert job["response"] == {"cnpj": "99.999.999/9999-99"}
    assert job["evidence"]["/cnpj"]["grounded"] is False and not ollama.answers
    assert "ungrounded" in {warning["code"] for warning in job["warnings"]}


def test_a_model_that_lies_once_is_asked_again(client, ollama):
    ollama.answers = ['{"cnpj": "99.999.999/9999-99"}']
    job = ask(client, "nota.pdf", ai_provider="ollama", model="gemma3:1b", format_response='{"cnpj": ""}').json()
    assert job["evidence"]["/cnpj"]["grounded"] is True and job["warnings"] == []
    assert "99.999.999/9999-99" in ollama.bodies("/api/chat")[-1]["messages"][-1]["content"]


SEEING = FakeModel("seeing:4b", 3 << 30, "4B", context=8192, capabilities=("completion", "vision"))


@pytest.mark.parametrize(("vision", "pictures"), [("always", 1), ("never", 0)])
def test_a_model_that_sees_is_shown_the_page(client, ollama, vision, pictures):
    ollama.machine.installed[SEEING.name] = SEEING
    job = ask(client, "nota.pdf", ai_provider="ollama", model=SEEING.name, vision=vision).json()
    assert job["status"] == "done", job["error"]
    images = ollama.bodies("/api/chat")[-1]["messages"][-1].get("images", [])
    assert [base64.b64decode(image)[:8] for image in images] == [b"\x89PNG\r\n\x1a\n"] * pictures


def test_vision_is_refused_where_nobody_sees(client):
    job = ask(client, "nota.pdf", ai_provider="ollama", model="gemma3:1b", vision="always").json()
    assert job["status"] == "failed" and "cannot see" in job["error"]["message"]


def test_a_document_longer_than_the_context_is_read_in_parts(client, ollama):
    small = FakeModel("small-context:1b", 1 << 30, "1B", context=4096)
    ollama.machine.installed[small.name] = small
    before = len(ollama.bodies("/api/chat"))
    job = ask(client, "contrato.pdf", ai_provider="ollama", model=small.name).json()
    assert job["status"] == "done", job["error"]
    bodies = ollama.bodies("/api/chat")[before:]
    shown = {number for body in bodies for number in re.findall(r'<page number="(\d+)"', body["messages"][-1]["content"])}
    assert len(bodies) > 3 and len(shown) == job["document"]["pages"] and all(body["truncate"] is False for body in bodies)
    assert "pages_unseen" not in {warning["code"] for warning in job["warnings"]}


def test_polling_events_text_and_pictures(client):
    accepted = ask(client, "nota_escaneada.pdf", wait=0)
    assert accepted.status_code == 202
    body = accepted.json()
    assert accepted.headers["location"] == f"/response/{body['id']}" == body["links"]["response"]
    assert int(accepted.headers["retry-after"]) >= 1
    names = []
    with client.stream("GET", body["links"]["events"]) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["x-accel-buffering"] == "no"
        for line in stream.iter_lines():
            if line.startswith("event: "):
                names.append(line[7:])
            elif line.startswith("data: "):
                last = json.loads(line[6:])
    assert names[-1] == "end" and "progress" in names and last["status"] == "done"
    assert client.get(accepted.headers["location"]).json() == last
    text = client.get(f"/response/{body['id']}/text?words=1").json()
    assert text["pages"][0]["source"] == "ocr" and text["pages"][0]["words"][0]["confidence"] > 0
    picture = client.get(f"/response/{body['id']}/pages/1.png")
    assert picture.content.startswith(b"\x89PNG") and picture.headers["content-type"] == "image/png"
    assert client.get(f"/response/{body['id']}/pages/9.png").status_code == 404


def test_the_same_idempotency_key_gives_the_same_job(client):
    first = ask(client, "recibo.txt", wait=0, headers={"Idempotency-Key": "k1"})
    again = ask(client, "recibo.txt", wait=0, headers={"Idempotency-Key": "k1"})
    other = ask(client, "recibo.txt", wait=0, headers={"Idempotency-Key": "k1"}, prompt="Outra pergunta?")
    assert first.status_code == 202 and again.status_code == 200 and other.status_code == 422
    assert again.json()["id"] == first.json()["id"] and again.headers["idempotent-replayed"] == "true"
    assert other.json()["code"] == "idempotency_key_reused"


def test_a_deleted_job_is_gone(client, server: Server):
    job_id = ask(client, "recibo.txt").json()["id"]
    stored = server.data_dir / "files" / job_id[:2] / job_id
    assert stored.exists()
    assert client.delete(f"/response/{job_id}").json() == {"id": job_id, "status": "erased"}
    assert not stored.exists()
    assert client.get(f"/response/{job_id}").status_code == client.delete(f"/response/{job_id}").status_code == 404


def test_a_running_job_can_be_cancelled(client, ollama):
    ollama.token_seconds = 5.0
    try:
        job_id = ask(client, "recibo.txt", wait=0, ai_provider="ollama", model="gemma3:1b").json()["id"]
        with client.stream("GET", f"/response/{job_id}/events") as stream:
            for line in stream.iter_lines():
                if '"analyzing"' in line:
                    break
        assert client.delete(f"/response/{job_id}").json()["status"] == "cancelled"
        assert client.get(f"/response/{job_id}").json()["status"] == "cancelled"
    finally:
        ollama.token_seconds = 0.0


def test_a_clients_jobs_are_its_own(client, server: Server):
    with server.client(MASTER) as master:
        made = [
            master.post("/admin/create_key", params={"name": name, "email": f"{name}@example.com"}).json()
            for name in ("ana", "rui")
        ]
        assert made[0]["message"] == "Chave criada com sucesso" and made[0]["owner"] == "ana@example.com"
        assert master.get("/queue").status_code == 403
        with server.client(made[0]["api_key"]) as ana, server.client(made[1]["api_key"]) as rui:
            job_id = ask(ana, "recibo.txt").json()["id"]
            missing = "0" * 32
            for path in ("/response/{}", "/response/{}/text", "/response/{}/events", "/response/{}/pages/1.png"):
                foreign, absent = rui.get(path.format(job_id)), rui.get(path.format(missing))
                assert foreign.status_code == absent.status_code == 404
                assert {**foreign.json(), "request_id": ""} == {**absent.json(), "request_id": ""}
            assert rui.delete(f"/response/{job_id}").status_code == rui.post(f"/response/{job_id}/retry").status_code == 404
            assert rui.get("/responses").json() == {"data": [], "has_more": False, "next": None}
            assert [job["id"] for job in ana.get("/responses").json()["data"]] == [job_id]
            assert client.get(f"/response/{job_id}").status_code == 200
            assert (
                ana.get("/config/compute").status_code == 200
                and ana.post("/config/compute", json={"mode": "cpu"}).status_code == 403
            )
            key_id = next(key["id"] for key in master.get("/admin/keys").json()["data"] if key["name"] == "ana")
            assert master.delete(f"/admin/keys/{key_id}").status_code == 200
            assert ana.get("/responses").status_code == 401


def test_the_queue_and_the_list_show_what_is_there(client):
    ask(client, "recibo.txt")
    queue = client.get("/queue").json()
    assert set(queue["queues"]) == {"extraction", "model", "formatting"} and queue["accepting"] is True
    assert set(queue["queues"]["model"]) == {"waiting", "running", "workers", "oldest_seconds"}
    first = client.get("/responses", params={"limit": 1, "status": "done"}).json()
    second = client.get("/responses", params={"limit": 1, "status": "done", "after": first["next"]}).json()
    assert first["has_more"] and first["data"][0]["id"] != second["data"][0]["id"]


def test_many_uploads_at_once_are_all_answered(server: Server):
    results = []

    def one():
        with server.client() as client:
            results.append(ask(client, "recibo.txt").json()["status"])

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["done"] * 16


def test_nothing_secret_is_written_anywhere(client, server: Server, gemini):
    key, prompt = "AIza-canary-key-987654321", "pergunta canario 4711"
    ask(client, "recibo.txt", ai_provider="gemini", model="gemini-2.0-flash", gemini_api_key=key, prompt=prompt)
    assert gemini.requests[-1].headers["x-goog-api-key"] == key
    log = server.log.read_text("utf-8")
    for secret in (key, prompt, "operator-key-for-journeys", MASTER):
        assert secret not in log
    stored = b"".join(
        path.read_bytes() for path in Path(server.data_dir).rglob("*") if path.is_file() and path.name != "server.log"
    )
    assert key.encode() not in stored and b"operator-key-for-journeys" not in stored
