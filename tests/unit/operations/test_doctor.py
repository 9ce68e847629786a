"""Findings, cures, and that no secret is shown."""

import asyncio
import os
import socket
from functools import partial
from pathlib import Path

import pytest

from core.errors import ProviderUnreachable
from core.http import HttpClient
from operations import doctor
from operations.doctor import (
    Check,
    Subject,
    check_data_dir,
    check_disk,
    check_extras,
    check_gemini,
    check_keys,
    check_ocr,
    check_ollama,
    check_port,
    check_python,
    check_sandbox,
    check_sqlite,
    examine,
    myelin_at,
    table,
    tesseract_languages,
    worst,
)

LAYERS = {"process_group": True, "landlock": "ABI 7", "seccomp": True}
GOOD = (
    "pbpm-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    "master-8hHdwxGakBGXYRFUMhERAxDO0ADLoQCIcgBFQwACEAA",
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
)


class Ollama:
    def __init__(self, version="0.18.0", models=("gemma3:1b",), error=None):
        self._version, self._models, self._error = version, models, error

    async def version(self):
        if self._error:
            raise self._error
        return self._version

    async def models(self):
        return self._models


async def nobody(host, port):
    return None


def subject(tmp_path, **changes):
    values = {
        "api_key": GOOD[0], "master_api_key": GOOD[1], "secret_key": GOOD[2], "gemini_api_key": "AIza-very-secret", "data_dir": tmp_path / "data",
        "min_free_disk_mb": 0, "host": "127.0.0.1", "port": 0, "ocr_languages": "por+eng", "second_ocr_engine": "off", "ollama_url": "http://localhost:11434",
        "sqlite_version": "3.40.1", "layers": LAYERS,
    }  # fmt: skip
    return Subject(**values | changes)


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 10, 9), "fail"), ((3, 11, 0), "ok"), ((3, 14, 1), "ok"), ((4, 0, 0), "ok")]
)
def test_python(version, verdict):
    assert check_python(version).verdict == verdict


@pytest.mark.parametrize(("version", "verdict"), [("3.34.9", "fail"), ("3.35.0", "ok"), ("3.51.3", "ok"), ("", "fail")])
def test_sqlite(version, verdict):
    assert check_sqlite(version).verdict == verdict


@pytest.mark.parametrize(
    ("library", "program", "found", "verdict", "words"),
    [
        (True, False, ["eng", "osd", "por"], "ok", "tesserocr, languages por, eng"),
        (False, True, ["eng", "por"], "ok", "tesseract program"),
        (True, True, ["eng"], "warn", "missing: por; scans are read without them"),
        (True, True, [], "warn", "missing: por, eng; scans cannot be read"),
        (False, False, ["eng", "por"], "warn", "not installed"),
    ],
)
def test_ocr(library, program, found, verdict, words):
    check = check_ocr(library, program, "por+eng", found)
    assert check.verdict == verdict and words in check.detail and bool(check.cure) == (verdict != "ok")


def test_the_cure_names_the_packages():
    assert check_ocr(True, True, "por+chi_sim", []).cure.startswith(
        "apt-get install tesseract-ocr-por tesseract-ocr-chi-sim (macOS: brew install tesseract"
    )


@pytest.mark.parametrize(
    ("version", "models", "verdict", "words"),
    [
        (None, [], "warn", "no answer at http://o:1"),
        ("0.17.0", ["a"], "warn", "CVE-2026-7482"),
        ("0.9.9", ["a"], "warn", "CVE-2026-7482"),
        ("0.17.1", ["a"], "ok", "models a"),
        ("0.17.1-rc0", ["a"], "ok", "models a"),
        ("1.0.0", list("abcdefg"), "ok", "a, b, c, d, e and 2 more"),
        ("v0.18.2", [], "warn", "no model installed"),
        ("unknown", ["a"], "warn", "CVE"),
    ],
)
def test_ollama(version, models, verdict, words):
    check = check_ollama("http://o:1", version, models)
    assert check.verdict == verdict and words in check.detail


@pytest.mark.parametrize(
    ("key", "verdict", "words"),
    [
        ("", "fail", "missing"),
        ("myelin-ocr-llm-2024-super-secret-key", "warn", "example key"),
        ("short", "warn", "5 characters"),
        (GOOD[0], "ok", "set"),
    ],
)
def test_access_keys(key, verdict, words):
    check = check_keys(key, GOOD[1], GOOD[2])[0]
    assert (check.name, check.verdict) == ("API_KEY", verdict) and words in check.detail
    assert not key or key not in check.detail + check.cure


def test_one_key_for_both_doors_fails():
    assert check_keys(GOOD[0], GOOD[0], GOOD[2])[1].verdict == "fail"


@pytest.mark.parametrize(
    ("key", "verdict", "words"), [("", "fail", "missing"), ("abc", "fail", "malformed"), (GOOD[2], "ok", "32 bytes")]
)
def test_the_secret_key(key, verdict, words):
    check = check_keys(GOOD[0], GOOD[1], key)[2]
    assert check.verdict == verdict and words in check.detail and bool(check.cure) == (verdict == "fail")


def test_reading_extras_are_told_and_a_missing_second_engine_warns() -> None:
    assert check_extras("off", ["pi_heif", "zxingcpp"]).detail == "HEIC pictures, bar codes and QR codes"
    assert check_extras("off", ["zxingcpp"]).detail == "not installed, so not read: HEIC pictures"
    lacking = check_extras("rapidocr", ["zxingcpp", "rapidocr"])
    assert lacking.verdict == "warn" and lacking.cure
    assert check_extras("rapidocr", ["pi_heif", "zxingcpp", "rapidocr", "onnxruntime"]).detail.endswith(", rapidocr")


def test_gemini_is_optional_and_never_shown():
    assert check_gemini("").verdict == "warn"
    assert check_gemini("AIza-very-secret") == Check("Gemini", "ok", "a key is set")


@pytest.mark.parametrize(
    ("problem", "mode", "verdict"),
    [(None, 0o700, "ok"), (None, None, "ok"), (None, 0o755, "warn"), (None, 0o701, "warn"), ("Read-only", None, "fail")],
)
def test_the_data_folder(problem, mode, verdict):
    assert check_data_dir(Path("data"), problem, mode).verdict == verdict


@pytest.mark.parametrize(
    ("free_mb", "verdict"),
    [(None, "warn"), (0, "fail"), (255, "fail"), (256, "warn"), (1023, "warn"), (1024, "ok"), (9999, "ok")],
)
def test_the_disk(free_mb, verdict):
    assert check_disk(None if free_mb is None else free_mb << 20, 256).verdict == verdict


def test_the_sandbox():
    assert check_sandbox(LAYERS) == Check("Sandbox", "ok", "process_group, landlock ABI 7, seccomp")
    partly = check_sandbox({**LAYERS, "landlock": False})
    assert partly.verdict == "warn" and partly.detail.startswith("without landlock (with process_group, seccomp")
    refused = check_sandbox(None, "seccomp is not permitted")
    assert refused.verdict == "fail" and "seccomp is not permitted" in refused.detail and refused.cure


def test_languages_of_the_newest_folder_that_has_any(tmp_path):
    for folder, names in {"4.00": ["eng"], "5": ["eng", "por", "osd"], "6": []}.items():
        path = tmp_path / "usr/share/tesseract-ocr" / folder / "tessdata"
        path.mkdir(parents=True)
        for name in names:
            (path / f"{name}.traineddata").touch()
        (path / "configs").mkdir()
    assert tesseract_languages(tmp_path) == ["eng", "osd", "por"]
    assert tesseract_languages(tmp_path / "missing") == []


async def test_a_good_machine(tmp_path):
    checks = await examine(subject(tmp_path), Ollama(), nobody)
    verdicts = {check.name: check.verdict for check in checks}
    del verdicts["Tesseract"], verdicts["Disk"]
    assert set(verdicts.values()) == {"ok"} and len(checks) == 13
    assert os.listdir(tmp_path / "data") == [] and (tmp_path / "data").stat().st_mode & 0o077 == 0


async def test_a_bad_machine_is_told_everything_at_once(tmp_path):
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        checks = await examine(
            subject(
                tmp_path,
                api_key="",
                secret_key="x",
                data_dir=tmp_path / "file" / "data",
                port=port,
                layers=None,
                gemini_api_key="",
            ),
            Ollama(error=ProviderUnreachable("Ollama cannot be reached.")),
            nobody,
        )
    found = {check.name: check for check in checks}
    assert [found[name].verdict for name in ("API_KEY", "SECRET_KEY", "Data", "Sandbox")] == ["fail"] * 4
    assert [found[name].verdict for name in ("Port", "Gemini", "Ollama", "Disk")] == ["warn"] * 4
    assert str(port) in found["Port"].detail and "cannot be reached" in found["Ollama"].detail
    assert all(check.cure for check in checks if check.verdict != "ok") and worst(checks) == "fail"


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (b'{"name": "Myelin", "version": "1.3.0", "python": "3.11.7"}', "1.3.0"),
        (b'{"name": "another"}', None),
        (b'["Myelin"]', None),
        (b"<html>", None),
        (b"\xff" * 9000, None),
    ],
)
async def test_a_port_that_myelin_itself_uses_is_well(tmp_path, body, version):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    http = HttpClient()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await myelin_at(http, "0.0.0.0", port) == version
        checks = await examine(subject(tmp_path, port=port), Ollama(), partial(myelin_at, http))
    check = next(check for check in checks if check.name == "Port")
    assert check.verdict == ("warn" if version is None else "ok")
    assert version is None or (check.detail.endswith("Myelin 1.3.0 is running here") and not check.cure)
    assert await myelin_at(http, "127.0.0.1", port) is None
    await http.close()


async def test_ollama_that_hangs_costs_a_deadline(tmp_path, monkeypatch):
    class Hangs(Ollama):
        async def version(self):
            await asyncio.Event().wait()

    monkeypatch.setattr(doctor, "_SECONDS", 0.01)
    checks = await examine(subject(tmp_path), Hangs(), nobody)
    assert checks[-1].verdict == "warn" and "silent" in checks[-1].detail


async def test_no_secret_is_in_the_table(tmp_path):
    shown = table(await examine(subject(tmp_path), Ollama(), nobody))
    for secret in (*GOOD, "AIza-very-secret"):
        assert secret not in shown and secret[-12:] not in shown


def test_the_table_is_plain_and_aligned():
    checks = [Check("Python", "ok", "3.11.7"), Check("API_KEY", "fail", "missing", "Set it."), check_port("::1", 8000, "in use")]
    assert table(checks).splitlines() == [
        "ok    Python   3.11.7",
        "fail  API_KEY  missing",
        "               → Set it.",
        "warn  Port     ::1:8000: in use",
        "               → Stop what listens there, or set PORT in .env.",
    ]
    assert table([Check("a", "warn", "two\nlines")]) == "warn  a  two lines"
    assert "\x1b" not in table(checks) and table([]) == ""


def test_the_worst_verdict():
    checks = [Check("a", "ok", ""), Check("b", "warn", ""), Check("c", "fail", "")]
    assert (worst([]), worst(checks[:1]), worst(checks[:2]), worst(checks)) == ("ok", "ok", "warn", "fail")
