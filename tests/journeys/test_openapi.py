"""What the server answers is what /openapi.json says, member by member."""

import json
import time

import jsonschema
import pytest

from tests.journeys.server import MASTER
from tests.journeys.test_documents import ask

EVENTS = "/response/{job_id}/events"


@pytest.fixture(scope="module")
def described(server):
    with server.client(key=None) as anybody:
        return _closed(anybody.get("/openapi.json").json())


@pytest.fixture
def told(described, server):
    """Asks, and checks the answer against the schema of its route and status; gives the answer's content."""
    with server.client() as client:

        def check(method: str, template: str, path: str = "", **options):
            answer = client.request(method, path or template, **options)
            stated = described["paths"][template][method.lower()]["responses"]
            content = stated.get(str(answer.status_code), stated["default"])["content"]
            kind = answer.headers["content-type"].partition(";")[0]
            _valid(described, content[kind]["schema"], answer.json())
            return answer.json()

        check.client = client
        yield check


def _closed(schema):
    """The same with every object closed: a member that no schema knows is an error, too."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    members = {name: _closed(member) for name, member in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        members.setdefault("additionalProperties", False)
    return members


def _valid(described, schema, value):
    jsonschema.Draft202012Validator({"components": described["components"], **schema}).validate(value)


def test_the_answers_about_documents_fit_their_schemas(told, described):
    job = ask(told.client, "nota_escaneada.pdf").json()
    _valid(described, {"$ref": "#/components/schemas/Job"}, job)
    assert job["evidence"] and job["usage"] and told("GET", "/response/{job_id}", f"/response/{job['id']}") == job
    asked = ask(told.client, "nota.pdf", wait=0).json()
    _valid(described, {"$ref": "#/components/schemas/Accepted"}, asked)
    form = {"prompt": "?", "format_response": '{"cnpj": ""}', "ai_provider": "builtin"}
    failed = told.client.post("/upload?wait=60", data=form, files={"file": ("a.pdf", b"%PDF-1.7 rubbish")}).json()
    assert failed["status"] == "failed"
    _valid(described, {"$ref": "#/components/schemas/Job"}, failed)
    words = told("GET", "/response/{job_id}/text", f"/response/{job['id']}/text?words=1")
    assert words["pages"][0]["words"]
    assert "words" not in told("GET", "/response/{job_id}/text", f"/response/{job['id']}/text")["pages"][0]
    settled = told("GET", "/response/{job_id}", f"/response/{asked['id']}?wait=60")
    tables = told("GET", "/response/{job_id}/text", f"/response/{settled['id']}/text?tables=1")["pages"][0]["tables"]
    assert any("Papel sulfite" in table["markdown"] and len(table["cells"]) == 7 for table in tables)
    rows = {row["id"]: row for row in told("GET", "/responses")["data"]}
    assert rows[failed["id"]]["error"] == failed["error"]
    assert (rows[job["id"]]["ai_provider"], rows[job["id"]]["error"]) == ("builtin", None)
    assert told("GET", "/queue")["accepting"] is True
    assert told("POST", "/response/{job_id}/retry", f"/response/{failed['id']}/retry")["id"] == failed["id"]
    assert told("DELETE", "/response/{job_id}", f"/response/{job['id']}") == {"id": job["id"], "status": "erased"}


def test_every_event_carries_the_shapes_of_a_job(told, described):
    job_id = ask(told.client, "nota.pdf", wait=0).json()["id"]
    with told.client.stream("GET", f"/response/{job_id}/events") as events:
        data = [json.loads(line.removeprefix("data: ")) for line in events.iter_lines() if line.startswith("data: ")]
    _valid(described, {"$ref": "#/components/schemas/Job"}, data[-1])
    assert "text/event-stream" in described["paths"][EVENTS]["get"]["responses"]["200"]["content"]


def test_the_answers_about_models_and_machines_fit_their_schemas(told):
    assert told("GET", "/models/list")["models"]
    assert told("GET", "/api/models")["models"] and told("GET", "/api/available_models")["models"]
    assert told("GET", "/api/models/search", "/api/models/search?provider=ollama&supports_chat=true&max_cost=0")["total"]
    assert told("GET", "/models/gemini", headers={"Gemini-API-Key": "AIza-journey-key-0123456789"})["models"]
    download = told("POST", "/models/download", json={"model": "tinyllama"})
    assert told("GET", "/models/downloads")["data"][0]["id"] == download["id"]
    one = f"/models/downloads/{download['id']}"
    assert told("GET", "/models/downloads/{download_id}", one)["model"] == "tinyllama:latest"
    assert told("DELETE", "/models/downloads/{download_id}", one)["state"] in ("cancelled", "done")
    assert told("POST", "/machines", json={"name": "spare", "url": "http://127.0.0.1:9"})["origin"] == "api"
    assert [one["name"] for one in told("GET", "/machines")["data"]] == ["local", "spare"]
    assert told("GET", "/machines/{name}", "/machines/local")["health"]["state"] == "up"
    assert told("PATCH", "/machines/{name}", "/machines/spare", json={"enabled": False})["state"] == "disabled"
    assert told("DELETE", "/machines/{name}", "/machines/spare") == {"name": "spare", "removed": True}
    assert told("GET", "/config/compute")["workers"]["extraction"]["count"] >= 1
    switch = told("POST", "/config/compute", json={"mode": "cpu"})["switch"]
    assert switch["state"] == "done" and switch["steps"]
    for moment in (switch["started_at"], switch["finished_at"], *(step["at"] for step in switch["steps"])):
        assert moment.endswith("Z") and "T" in moment


def test_the_answers_about_deployments_fit_their_schemas(told):
    one, template = "/models/deployments/shared", "/models/deployments/{alias}"
    targets = [{"model": "gemma3:1b", "weight": 2}, {"model": "llama3.2:3b"}]
    assert told("PUT", template, one, json={"targets": targets})["production"]["version"] == 1
    assert told("PUT", template, one, json={"targets": targets[:1], "stage": "staging"})["staging"]["version"] == 2
    assert told("POST", template + "/promote", one + "/promote", json={"version": 2})["earlier"] == [1]
    assert told("POST", template + "/rollback", one + "/rollback")["production"]["version"] == 1
    assert told("GET", "/models/deployments")["data"][0]["alias"] == "shared"
    asked = told.client.post("/v1/chat/completions", json={"model": "shared", "messages": [{"role": "user", "content": "Hi"}]})
    assert asked.status_code == 200
    deadline = time.monotonic() + 10
    report = told("GET", template, one)
    while not any(arm["calls"] for arm in report["figures"]):
        assert time.monotonic() < deadline
        report = told("GET", template, one)
    assert len(report["figures"]) == 2 and len(report["history"]) == 4
    assert told("DELETE", template, one)["deleted"] is True


def test_the_answers_about_operations_and_agents_fit_their_schemas(told):
    begun = told("POST", "/models/install", json={"model": "llama3:8b", "machine": "local"})
    one = f"/models/operations/{begun['id']}"
    assert told("GET", "/models/operations")["data"][0]["id"] == begun["id"]
    assert told("GET", "/models/operations/{operation_id}", one)["machine"] == "local"
    assert told("DELETE", "/models/operations/{operation_id}", one)["state"] in ("cancelled", "done")
    for kind in ("deactivate", "activate"):
        switched = told("POST", f"/models/{kind}", json={"model": "qwen3:0.6b"})
        assert switched["kind"] == kind
        assert told.client.get(f"/models/operations/{switched['id']}?stream=1").text.splitlines()
    agent = "/machines/{name}/agent", "/machines/local/agent"
    key = told("POST", *agent)["api_key"]
    assert told("GET", *agent)["begins_with"] == key[:12]
    assert told("GET", "/agent/work", headers={"Key": key}) == {"work": None}
    assert told("DELETE", *agent)["revoked"] is True


def test_the_answers_about_keys_and_the_service_fit_their_schemas(told):
    master = {"Key": MASTER}
    made = told("POST", "/admin/create_key", "/admin/create_key?name=ana&email=ana@example.com", headers=master)
    assert made["owner"] == "ana@example.com"
    key_id = told("GET", "/admin/keys", headers=master)["data"][0]["id"]
    one = f"/admin/keys/{key_id}"
    assert told("GET", "/admin/keys/{key_id}", one, headers=master)["rpm"] is None
    limits = {
        "rpm": 5,
        "tpm": 100,
        "budget_usd": 1,
        "budget_period": "day",
        "models": ["x"],
        "expires_at": "2100-01-01T00:00:00Z",
    }
    assert told("PATCH", "/admin/keys/{key_id}", one, headers=master, json=limits)["rpm"] == 5
    fresh = told("POST", "/admin/keys/{key_id}/rotate", f"{one}/rotate", headers=master)["api_key"]
    assert told("GET", "/key/info", headers={"Key": fresh})["budget"]["remaining_usd"] == 1
    assert told("DELETE", "/admin/keys/{key_id}", f"/admin/keys/{key_id}", headers=master)["revoked"] is True
    assert told("GET", "/key/info")["role"] == "operator"
    for by in ("provider", "model", "key", "day"):
        assert told("GET", "/stats", f"/stats?range=7d&group_by={by}")["group_by"] == by
    for path in ("/", "/health", "/livez", "/readyz", "/version"):
        told("GET", path)


@pytest.mark.parametrize(
    ("method", "template", "path", "options"),
    [
        ("GET", "/response/{job_id}", "/response/nothing", {}),
        ("GET", "/response/{job_id}", "/response/x?wait=soon", {}),
        ("POST", "/models/download", "", {"json": {"modle": "x"}}),
        ("POST", "/models/download", "", {"content": b"no json"}),
        ("POST", "/config/compute", "", {"json": {"mode": "fast"}}),
        ("POST", "/admin/create_key", "", {}),
        ("GET", "/stats", "/stats?range=soon", {}),
        ("POST", "/upload", "", {"content": b"x"}),
    ],
)
def test_refusals_fit_the_schema_of_a_problem(told, method, template, path, options):
    problem = told(method, template, path, **options)
    assert problem["status"] >= 400 and problem["detail"] and problem["hint"]


def test_a_browser_that_asks_the_root_is_led_to_the_documentation(server):
    with server.client(key=None) as anybody:
        seen = anybody.get("/", headers={"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"})
        assert seen.status_code == 307 and seen.headers["location"] == "/docs" and seen.headers["vary"] == "Accept"
        assert anybody.get("/", headers={"Accept": "*/*"}).json()["name"] == "Myelin"
        assert anybody.get("/", headers={"User-Agent": "ollama/0.18"}).text == "Ollama is running"
