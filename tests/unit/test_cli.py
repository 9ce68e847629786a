"""The command line against a small HTTP server: what it sends, what it prints, how it ends."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

import cli

ROOT = Path(__file__).resolve().parents[2]
JOB = "0123456789abcdef0123456789abcdef"
DONE = {
    "id": JOB,
    "status": "done",
    "response": [{"cnpj": "48.291.735/0001-48", "total": None}],
    "evidence": {
        "/0/cnpj": {
            "page": 3,
            "quote": "CNPJ: 48.291.735/0001-48",
            "match": "exact",
            "grounded": True,
            "checks": {"cnpj_check_digits": True},
        }
    },
    "warnings": [{"code": "not_found", "path": "/0/total", "message": "total is not in the document"}],
    "error": None,
}


@dataclass
class Fake:
    """Answers `method path` with what `routes` holds: (status, content) or a callable of the body; keeps every request."""

    routes: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def reply(self, line: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.requests.append((line, headers, body))
        status, content = self.routes.get(line.partition("?")[0], (404, {"detail": "Not here.", "hint": "Look elsewhere."}))
        if isinstance(content, Iterator):
            content = next(content)
        return status, content if isinstance(content, bytes) else json.dumps(content).encode()


@pytest.fixture
def fake() -> Iterator[Fake]:
    state = Fake()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) if "chunked" not in str(self.headers) else b""
            status, content = state.reply(f"{self.command} {self.path}", dict(self.headers.items()), body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("API_KEY", "key-of-the-environment")
    monkeypatch.setattr(cli, "out", Console(width=140, highlight=False))
    return lambda *words: CliRunner().invoke(cli.app, ["--url", fake.url, *words])


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "nota fiscal.pdf"
    path.write_bytes(b"%PDF-1.7 tiny")
    return path


def _form(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    message = message_from_bytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode(errors="replace")
        for part in message.get_payload()
    }


def test_analyze_sends_the_form_and_prints_value_page_quote_and_match(
    fake: Fake, run: Callable[..., Result], document: Path
) -> None:
    fake.routes = {"POST /upload": (202, {"id": JOB, "status": "queued"}), f"GET /response/{JOB}": (200, DONE)}
    ended = run(
        "analyze",
        str(document),
        "-p",
        "Qual é o CNPJ? “ok”",
        "-f",
        '[{"cnpj": "", "total": 0}]',
        "--provider",
        "builtin",
        "--priority",
        "urgent",
    )
    assert ended.exit_code == 0, ended.output
    line, headers, body = fake.requests[0]
    assert (line, headers["Key"]) == ("POST /upload", "key-of-the-environment")
    assert _form(headers, body) == {
        "prompt": "Qual é o CNPJ? “ok”",
        "format_response": '[{"cnpj": "", "total": 0}]',
        "ai_provider": "builtin",
        "model": "auto",
        "priority": "urgent",
        "file": "%PDF-1.7 tiny",
    }
    row = next(line for line in ended.stdout.splitlines() if "0/cnpj" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "/0/cnpj", "48.291.735/0001-48", "3", "CNPJ: 48.291.735/0001-48", "exact ✓ cnpj_check_digits",
    ]  # fmt: skip
    assert "not found" in ended.stdout and "! total is not in the document" in ended.stdout


def test_analyze_reads_the_skeleton_from_a_file_and_sends_optional_fields(
    fake: Fake, run: Callable[..., Result], document: Path
) -> None:
    fake.routes = {"POST /upload": (202, {"id": JOB, "status": "queued"})}
    skeleton = document.with_name("skeleton.json")
    skeleton.write_text('{"a": ""}')
    ended = run(
        "analyze", str(document), "-p", "?", "-f", f"@{skeleton}", "--example", '{"a": "x"}', "--gemini-key", "AIza", "--no-wait"
    )
    assert (ended.exit_code, ended.stdout.strip()) == (0, JOB)
    form = _form(*fake.requests[0][1:])
    assert (form["format_response"], form["example"], form["gemini_api_key"]) == ('{"a": ""}', '{"a": "x"}', "AIza")
    assert len(fake.requests) == 1, "nothing is polled"


def test_polling_goes_on_until_the_end(fake: Fake, run: Callable[..., Result]) -> None:
    states = iter([
        {"id": JOB, "status": "queued", "queue_position": 2, "progress": None},
        {"id": JOB, "status": "extracting", "progress": {"done": 1, "total": 3, "unit": "pages"}},
        DONE,
    ])  # fmt: skip
    fake.routes = {f"GET /response/{JOB}": (200, states)}
    ended = run("get", JOB, "--wait", "30", "--json")
    assert ended.exit_code == 0 and json.loads(ended.stdout) == DONE
    assert [line for line, *_ in fake.requests] == [f"GET /response/{JOB}?wait=1"] * 3


def test_a_failed_job_ends_with_1_and_its_reason(fake: Fake, run: Callable[..., Result]) -> None:
    error = {
        "code": "password_required",
        "message": "The document is protected.",
        "hint": "Remove the password.",
        "retryable": False,
    }
    fake.routes = {f"GET /response/{JOB}": (200, {"id": JOB, "status": "failed", "error": error, "response": None})}
    ended = run("get", JOB)
    assert ended.exit_code == cli.JOB_FAILED
    assert "failed The document is protected. Remove the password." in ended.stdout


def test_waiting_has_an_end(fake: Fake, run: Callable[..., Result]) -> None:
    fake.routes = {f"GET /response/{JOB}": (200, {"id": JOB, "status": "queued"})}
    ended = run("get", JOB, "--wait", "0.001")
    assert ended.exit_code == cli.NOT_IN_TIME and "it goes on" in ended.stderr


def test_a_refusal_ends_with_4_its_detail_and_its_cure(fake: Fake, run: Callable[..., Result]) -> None:
    fake.routes = {"GET /queue": (401, {"detail": "The key is not valid.", "hint": "Compare it with API_KEY in .env."})}
    ended = run("queue")
    assert ended.exit_code == cli.REFUSED
    assert "✗ The key is not valid." in ended.stderr and "Compare it with API_KEY" in ended.stderr and not ended.stdout


@pytest.mark.parametrize("content", [b"<html>bad gateway</html>", b'["a"]', b""])
def test_a_refusal_without_a_problem_is_told_by_its_status(fake: Fake, run: Callable[..., Result], content: bytes) -> None:
    fake.routes = {"GET /queue": (502, content)}
    ended = run("queue")
    assert ended.exit_code == cli.REFUSED and "answered 502" in ended.stderr


def test_no_server_ends_with_3_and_says_how_to_start_one() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        ended = CliRunner().invoke(cli.app, ["--url", url, "queue"])
        quiet = CliRunner().invoke(cli.app, ["--url", url, "health", "--quiet"])
    assert ended.exit_code == quiet.exit_code == cli.NO_SERVER
    assert "./start.sh" in ended.stderr and not quiet.output


def test_quiet_health_tells_ready_from_not_ready(fake: Fake, run: Callable[..., Result]) -> None:
    fake.routes = {"GET /readyz": (503, {})}
    assert run("health", "-q").exit_code == cli.REFUSED
    fake.routes = {"GET /readyz": (200, {})}
    assert run("health", "-q").exit_code == 0


def test_wrong_usage_ends_with_2(run: Callable[..., Result]) -> None:
    assert run("analyze", "/does/not/exist", "-p", "?", "-f", "{}").exit_code == 2


def test_text_queue_cancel_and_models_are_read(fake: Fake, run: Callable[..., Result]) -> None:
    row = {"waiting": 2, "running": 1, "workers": 4, "oldest_seconds": None}
    fake.routes = {
        f"GET /response/{JOB}/text": (200, {"pages": [{"number": 1, "text": "olá"}, {"number": 2, "text": "fim"}]}),
        "GET /queue": (200, {"queues": {"extraction": row}, "jobs": [{"id": JOB, "status": "queued", "queue_position": 3}]}),
        f"DELETE /response/{JOB}": (200, {"id": JOB, "status": "erased"}),
        "GET /models/list": (200, {"models": [{"name": "gemma3:1b", "size": 815_000_000, "resident": True}]}),
        "GET /models/gemini": (200, {"models": [{"name": "gemini-2.0-flash", "context": 1048576}]}),
    }
    assert run("text", JOB).stdout == "olá\nfim\n"
    assert "position 3" in run("queue").stdout
    assert f"{JOB} is erased" in run("cancel", JOB).stdout
    assert "0.8 GB" in run("models", "ls").stdout
    assert "gemini-2.0-flash" in run("models", "ls", "--gemini").stdout


def test_the_demo_asks_every_sample_and_counts(fake: Fake, run: Callable[..., Result]) -> None:
    questions = json.loads((ROOT / "samples" / "questions.json").read_text("utf-8"))
    ids = [f"{number:032x}" for number in range(len(questions))]
    fake.routes = {"POST /upload": (202, iter([{"id": job, "status": "queued"} for job in ids]))}
    for job, question in zip(ids, questions, strict=True):
        fake.routes[f"GET /response/{job}"] = (200, {"id": job, "status": "done", "response": question["answer"], "evidence": {}})
    fake.routes[f"GET /response/{ids[0]}"] = (
        200,
        {"id": ids[0], "status": "done", "response": [{"numero": "7", "cnpj_emitente": None}]},
    )
    ended = run("demo")
    assert ended.exit_code == 0, ended.output
    assert all(question["file"] in ended.stdout for question in questions)
    leaves = sum(len(cli._leaves(question["answer"])) for question in questions)
    missing = len(cli._leaves(questions[0]["answer"])) - 1
    assert (
        "10 documents in " in ended.stdout
        and f": {leaves - missing - 1} right · {missing} not found · 1 different" in ended.stdout
    )
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in ended.stdout.splitlines() if line.startswith("│")]
    assert ["/0/numero", "7", "", "", "", questions[0]["answer"][0]["numero"]] in rows
    assert ["/0/cnpj_emitente", "not found", "", "", "", questions[0]["answer"][0]["cnpj_emitente"]] in rows
    right = sum(min(len(cli._leaves(question["answer"])), cli.DEMO_ROWS) for question in questions[1:])
    assert sum(row[5] == "✓" for row in rows) == right
    uploads = [_form(headers, body) for line, headers, body in fake.requests if line == "POST /upload"]
    assert [json.loads(form["format_response"]) for form in uploads] == [question["format_response"] for question in questions]


@pytest.mark.parametrize(
    ("value", "true", "verdict"),
    [
        (None, "a", "not found"),
        ("3526 0348", "35260348", "right"),
        ("ACME ", "acme", "right"),
        ("a", "b", "different"),
        (1.5, 1.50, "right"),
        (1.5, "1.5", "different"),
        ("x", None, "different"),
    ],
)
def test_verdicts(value: object, true: object, verdict: str) -> None:
    assert cli._verdict(value, true) == verdict


def test_settings_come_from_the_environment_then_dotenv_then_the_keys_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_KEY", "PORT", "HOST", "DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cli, "HERE", tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "keys.env").write_text("API_KEY=made\n")
    (tmp_path / ".env").write_text("# API_KEY=commented\nAPI_KEY=\nPORT = '8123'\nDATA_DIR=state\nnonsense\n")
    assert cli._settings() == {"API_KEY": "made", "PORT": "8123", "DATA_DIR": "state"}
    (tmp_path / ".env").write_text('API_KEY="of dotenv"\nDATA_DIR=state\n')
    assert cli._settings()["API_KEY"] == "of dotenv"
    monkeypatch.setenv("API_KEY", "of the environment")
    assert cli._settings()["API_KEY"] == "of the environment"


def test_the_program_loads_nothing_of_the_house_and_prints_no_colour_when_asked() -> None:
    foreign = {"core", "models", "main", "fastapi", "sqlalchemy"}
    code = f"import sys, cli; print(sorted({foreign} & {{name.partition('.')[0] for name in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert loaded.stdout.strip() == "[]"
    environment = os.environ | {"NO_COLOR": "1", "FORCE_COLOR": "1"}
    ended = subprocess.run(
        [sys.executable, ROOT / "cli.py", "--url", "http://127.0.0.1:9", "queue"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == cli.NO_SERVER and "\x1b[3" not in ended.stderr
