from pathlib import Path

import pytest
from fastapi import FastAPI

from api import docs, errors, reference
from api.openapi import completed
from main import FRONTS, ROUTERS
from models import PUBLIC_STATUS
from tests.unit.api.asgi import call


async def test_static_files_are_read_once(monkeypatch):
    app = FastAPI(openapi_url=None)
    app.include_router(docs.router)

    def never(_path):
        raise AssertionError("a call read the disk")

    monkeypatch.setattr(Path, "read_bytes", never)
    got = await call(app, "GET", "/static/swagger-ui.css")
    assert got.status == 200 and len(got.body) > 10_000 and got.headers["content-type"].startswith("text/css")


@pytest.fixture(scope="module")
def described():
    app = FastAPI(title="Myelin")
    app.router.routes.extend(route for router in ROUTERS for route in router.routes)
    return completed(app.openapi(), ["/livez"])


def operations(described):
    return [(f"{method} {path}", one) for path, methods in described["paths"].items() for method, one in methods.items()]


def test_every_json_answer_has_a_schema_with_typed_members(described):
    schemas = described["components"]["schemas"]
    fronts = reference.paths()
    for name, operation in operations(described):
        answers = operation["responses"]
        if name.split(" ")[1] in fronts:
            continue
        assert answers["default"]["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
        for content in (answer["content"] for status, answer in answers.items() if status != "default"):
            schema = content.get("application/json", {"schema": None})["schema"]
            for one in [] if schema is None else schema.get("anyOf", [schema]):
                assert schemas[one["$ref"].rpartition("/")[2]]["properties"], name


def test_the_job_tells_a_client_generator_its_types(described):
    schemas = described["components"]["schemas"]
    job = schemas["Job"]
    assert set(job["required"]) == set(job["properties"])
    assert job["properties"]["status"]["enum"] == list(dict.fromkeys(PUBLIC_STATUS.values()))
    assert job["properties"]["evidence"]["additionalProperties"] == {"$ref": "#/components/schemas/Evidence"}
    assert {"$ref": "#/components/schemas/JobError"} in job["properties"]["error"]["anyOf"]
    assert schemas["Problem"]["properties"]["errors"]["items"] == {"$ref": "#/components/schemas/FieldError"}
    assert "errors" not in schemas["Problem"]["required"]


def test_every_reference_leads_somewhere(described):
    found = set()

    def walk(value):
        if isinstance(value, dict):
            found.update([value["$ref"]] if "$ref" in value else [])
            for member in value.values():
                walk(member)
        elif isinstance(value, list):
            for member in value:
                walk(member)

    walk(described)
    assert found and found <= {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}


def test_every_parameter_that_can_be_refused_says_what_it_must_be():
    for route in (route for router in ROUTERS for route in router.routes):
        for parameter in (*route.dependant.query_params, *route.dependant.path_params):
            declared = parameter.field_info
            takes_all = declared.annotation is str and not declared.metadata and parameter in route.dependant.path_params
            assert declared.description or takes_all, f"{route.path}: {parameter.name}"


async def test_a_file_that_is_not_there_is_not_found():
    app = FastAPI(openapi_url=None)
    app.include_router(docs.router)
    errors.install(app)

    async def marked(scope, receive, send):
        scope["state"]["request_id"] = "r1"
        await app(scope, receive, send)

    for name in ("NONE", "none.js", "docs.py", "..%2Fdocs.py"):
        assert (await call(marked, "GET", f"/static/{name}")).status == 404


def test_only_open_addresses_need_no_key(described):
    assert described["paths"]["/livez"]["get"]["security"] == []
    assert {"Key": []} in described["paths"]["/queue"]["get"]["security"]


def test_every_address_of_the_fronts_is_described_and_no_other():
    served = {f"{method} {rule.template}" for front in FRONTS for rule in front.rules() for method in rule.methods}
    assert {place for place in served if not place.startswith("HEAD ")} == set(reference.ENTRIES)


def test_the_examples_of_the_fronts_name_models_and_what_errors_look_like(described):
    for place, entry in reference.ENTRIES.items():
        method, template = place.split(" ")
        operation = described["paths"][template][method.lower()]
        assert operation["security"] and operation["externalDocs"]["url"].startswith("https://")
        assert "error" in operation["responses"]["default"]["description"]
        if entry.example is not None:
            assert operation["requestBody"]["content"]["application/json"]["example"] == entry.example
