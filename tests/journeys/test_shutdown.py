"""A server that is told to stop keeps nobody waiting."""

import json
import socket
import time

from tests.journeys.server import KEY, running

FORM = {"prompt": "Qual o CNPJ?", "format_response": '{"cnpj": ""}', "ai_provider": "ollama", "model": "gemma3:1b"}


def test_who_waits_for_a_job_is_answered_and_the_server_ends_at_once(tmp_path, ollama):
    ollama.token_seconds = 30.0
    try:
        with running(tmp_path / "data", OLLAMA_URL=ollama.url, SHUTDOWN_GRACE="0") as server, server.client() as client:
            sent = client.post("/upload", data=FORM, files={"file": ("a.txt", b"CNPJ 11.222.333/0001-81")})
            path = sent.json()["links"]["response"]
            poll = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            with poll, client.stream("GET", f"{path}/events") as stream:
                lines = stream.iter_lines()
                events = [next(lines)]
                poll.sendall(f"GET {path}?wait=60 HTTP/1.1\r\nHost: x\r\nKey: {KEY}\r\n\r\n".encode())
                with server.client() as other:
                    assert len(other.get("/queue").json()["jobs"]) == 1  # answered after the poll was taken in
                started = time.monotonic()
                code = server.stop()
                seconds = time.monotonic() - started
                events += lines
                answer = b"".join(iter(lambda: poll.recv(65536), b""))
            log = server.log.read_text("utf-8")
    finally:
        ollama.token_seconds = 0.0
    assert code == 0 and seconds < 5, f"it took {seconds:.1f} s to stop"
    assert events[0] == "event: progress" and "event: end" not in events
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and json.loads(body)["status"] in ("queued", "extracting", "analyzing")
    assert "Traceback" not in log and "internal_error" not in log


def test_who_watches_a_download_is_told_how_far_it_is(tmp_path, ollama):
    ollama.pull_seconds = 60.0
    try:
        with (
            running(tmp_path / "data", OLLAMA_URL=ollama.url) as server,
            server.client() as client,
            client.stream("POST", "/models/download?stream=1", json={"model": "tinyllama"}) as stream,
        ):
            lines = stream.iter_lines()
            told = [next(lines), next(lines)]
            started = time.monotonic()
            code = server.stop()
            seconds = time.monotonic() - started
            told += lines
    finally:
        ollama.pull_seconds = 0.0
    assert code == 0 and seconds < 5, f"it took {seconds:.1f} s to stop"
    last = json.loads(told[-1])
    assert last["state"] == "pulling" and last["finished_at"] is None
