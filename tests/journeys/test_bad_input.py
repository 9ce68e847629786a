"""Whatever is sent, the caller gets a clear error, nothing is lost, and the next document works."""

import io
import json
import socket
import zipfile
import zlib

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from tests.journeys.server import KEY, ROOT, Server

NOTE = (ROOT / "samples" / "nota.pdf").read_bytes()
FORM = {"prompt": "Qual o CNPJ?", "format_response": '{"cnpj": ""}', "ai_provider": "builtin"}
ABSENT = object()


def send(client, content=NOTE, name="nota.pdf", headers=None, wait=60, **fields):
    files = None if content is ABSENT else {"file": (name, content)}
    form = {key: value for key, value in (FORM | fields).items() if value is not ABSENT}
    if files is None:
        files = {"other": ("x", b"")}
    return client.post(f"/upload?wait={wait}", data=form, files=files, headers=headers or {})


@pytest.fixture(autouse=True)
def the_next_document_works(client, ollama, gemini):
    yield
    ollama.heal()
    gemini.heal()
    assert send(client).json()["response"] == {"cnpj": "48.291.735/0001-48"}


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"\0" * (400 << 20))
    return packed.getvalue()


def huge_png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (30_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100_000)) + chunk(b"IEND", b"")


def encrypted_pdf() -> bytes:
    written = io.BytesIO()
    canvas = Canvas(written, encrypt=StandardEncryption("segredo", "dono"))
    canvas.drawString(72, 700, "texto protegido")
    canvas.save()
    return written.getvalue()


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"content": ABSENT}, 400, "invalid_request", "file"),
        ({"content": b""}, 422, "invalid_field", "file"),
        ({"content": b"x" * (3 << 20)}, 413, "too_large", None),
        ({"content": b"PK\x05\x06" + b"\0" * 18}, 415, "unsupported_type", "file"),
        ({"content": b"\0\0\0\x18ftypisom\0\0\2\0isommp41"}, 415, "unsupported_type", "file"),
        ({"content": b"MZ\x90\x00" + b"\0" * 300}, 415, "unsupported_type", "file"),
        ({"ai_provider": "skynet"}, 422, "invalid_field", "AI-Provider"),
        ({"ai_provider": "gemini"}, 422, "invalid_field", "Gemini-API-Key"),
        ({"format_response": "{cnpj: }"}, 422, "invalid_field", "Format-Response"),
        ({"format_response": '{"a": "", "a": ""}'}, 422, "invalid_field", "Format-Response"),
        ({"format_response": "[" * 5000}, 422, "invalid_field", "Format-Response"),
        ({"format_response": '{"a": ' + "9" * 5000 + "}"}, 422, "invalid_field", "Format-Response"),
        ({"format_response": '"text"'}, 422, "invalid_field", "Format-Response"),
        ({"prompt": ABSENT}, 400, "invalid_request", "Prompt"),
        ({"format_response": ABSENT}, 400, "invalid_request", "Format-Response"),
        ({"example": '[{"cnpj": ]'}, 422, "invalid_field", "Example"),
        ({"priorty": "urgent"}, 422, "invalid_field", "priorty"),
        ({"priority": "asap"}, 422, "invalid_field", "Priority"),
        ({"webhook_url": "http://169.254.169.254/latest"}, 422, "invalid_field", "Webhook-URL"),
        ({"headers": {"Key": "wrong-key-wrong-key"}}, 401, "invalid_key", None),
        ({"headers": {"X-API-Key": "another-key-entirely"}}, 400, "two_credentials", None),
        ({"wait": "soon"}, 422, "invalid_field", "wait"),
        ({"wait": 5000}, 422, "invalid_field", "wait"),
    ],
)
def test_what_cannot_be_accepted_says_which_field_and_what_to_do(client, change, status, code, field):
    before = client.get("/responses").json()["data"]
    got = send(client, **change)
    problem = got.json()
    assert (got.status_code, problem["code"], problem["status"]) == (status, code, status)
    assert got.headers["content-type"] == "application/problem+json"
    assert field is None or field in [error["field"] for error in problem["errors"]]
    assert problem["detail"] and problem["request_id"] == got.headers["x-request-id"]
    assert client.get("/responses").json()["data"] == before


def test_without_a_key_nothing_is_read(server: Server):
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=X\r\nContent-Length: 1000000000\r\n\r\n"
        )
        connection.settimeout(5)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert b" 401 " in answer.split(b"\r\n")[0] and b"missing_key" in answer


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (encrypted_pdf, "a.pdf", "password_required"),
        (lambda: NOTE[: len(NOTE) // 3], "a.pdf", None),
        (lambda: b"%PDF-1.7\nrubbish", "a.pdf", "damaged_document"),
        (bomb, "a.docx", "document_too_complex"),
        (huge_png, "a.png", "document_too_complex"),
        (lambda: b"PK\x03\x04" + b"\0" * 100, "a.docx", None),
        (lambda: b"\n\n  \n", "a.txt", "empty_document"),
    ],
)
def test_what_cannot_be_read_ends_failed_with_its_reason(client, content, name, code):
    job = send(client, content(), name).json()
    assert job["status"] == "failed", job
    error = job["error"]
    assert code is None or error["code"] == code
    assert error["message"] and error["hint"] and error["code"] != "internal_error"


@pytest.mark.parametrize("fault", ["prose", "wrong_shape", "nothing", "endless_spaces", "cut", "garbage"])
def test_a_model_that_answers_nonsense_is_asked_again_and_then_given_up(client, ollama, fault):
    ollama.fail(fault)
    asked = len(ollama.bodies("/api/chat"))
    job = send(client, ai_provider="ollama", model="gemma3:1b").json()
    assert job["status"] == "failed" and job["error"]["code"] in ("invalid_answer", "provider_error"), job["error"]
    assert job["error"]["hint"]
    assert 1 <= len(ollama.bodies("/api/chat")) - asked <= 3


def test_half_an_answer_is_never_passed_off_as_whole(client, ollama):
    ollama.fail("half")
    job = send(client, ai_provider="ollama", model="gemma3:1b").json()
    assert job["status"] == "failed" or {"json_repaired", "answer_truncated"} & {warning["code"] for warning in job["warnings"]}


@pytest.mark.parametrize("fault", ["prose", "half", "fenced", "nothing", "wrong_shape"])
def test_one_bad_answer_is_mended_by_asking_again(client, ollama, fault):
    ollama.fail(fault, times=1)
    job = send(client, ai_provider="ollama", model="gemma3:1b").json()
    assert job["status"] == "done", job["error"]
    assert list(job["response"]) == ["cnpj"]


def test_a_model_that_is_not_installed_says_how_to_download_it(client):
    error = send(client, ai_provider="ollama", model="no-such-model").json()["error"]
    assert error["code"] == "model_not_installed" and "/models/download" in error["hint"] and "no-such-model" in error["hint"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "provider_refused"), (403, "provider_auth_failed"), (429, "provider_rate_limited"), (500, "provider_error")],
)
def test_geminis_errors_keep_their_meaning_and_hide_the_key(client, gemini, status, code):
    gemini.fail("refuse", status=status, retry_after="1")
    job = send(client, ai_provider="gemini", model="gemini-2.0-flash", gemini_api_key="AIza-never-shown-123456").json()
    assert job["status"] == "failed" and job["error"]["code"] == code
    assert "AIza-never-shown" not in json.dumps(job)


def test_a_client_that_hangs_up_in_the_middle_leaves_nothing(client, server: Server):
    before = client.get("/queue").json()["jobs"]
    head = f"POST /upload HTTP/1.1\r\nHost: x\r\nKey: {KEY}\r\nContent-Type: multipart/form-data; boundary=X\r\nContent-Length: 900000\r\n\r\n"
    part = '--X\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + part.encode() + b"x" * 100_000)
    assert client.get("/queue").json()["jobs"] == before
    for _ in range(200):
        if not list((server.data_dir / "incoming").iterdir()):
            break
        client.get("/livez")
    assert not list((server.data_dir / "incoming").iterdir())


@pytest.mark.parametrize("prompt", ["Extraia o número “já” 🙂", "aspas \"duplas\" e 'simples'", "ação; drop table --"])
def test_text_in_headers_arrives_whole(client, server: Server, ollama, prompt):
    body = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nCNPJ 48.291.735/0001-48\r\n--X--\r\n'
    raw = [
        b"POST /upload?wait=30 HTTP/1.1", b"Host: x", b"Connection: close", b"Key: " + KEY.encode(), b"Prompt: " + prompt.encode(),
        b'Format-Response: {"cnpj": ""}', b"Model: gemma3:1b", b"AI-Provider: ollama",
        b"Content-Type: multipart/form-data; boundary=X", b"Content-Length: " + str(len(body)).encode(), b"", body,
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"\r\n".join(raw))
        connection.settimeout(30)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert b" 200 OK" in answer.split(b"\r\n")[0]
    assert prompt in ollama.bodies("/api/chat")[-1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    "path",
    [
        "/response/abc",
        "/response/" + "0" * 32,
        "/responses?limit=0",
        "/responses?after=x",
        "/responses?limit=99999999999999999999",
        "/nothing",
        "/response/%00",
    ],
)
def test_bad_addresses_and_parameters_are_typed_errors(client, path):
    got = client.get(path)
    assert got.status_code in (404, 422) and got.json()["code"] in ("not_found", "invalid_field")
