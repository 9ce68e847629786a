"""What ships beside the code says what it must: images, compose, supervisor, scripts, the collection, vendored files."""

import base64
import configparser
import fnmatch
import hashlib
import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.test_architecture import ALONE, FLOORS

ROOT = Path(__file__).resolve().parents[2]


def _read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _stages() -> dict[str, list[tuple[str, str]]]:
    """Stage → its (instruction, arguments), continued lines joined and comments left out."""
    text = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", _read("Dockerfile")))
    stages: dict[str, list[tuple[str, str]]] = {"": []}
    for line in filter(None, map(str.strip, text.splitlines())):
        instruction, _, arguments = line.partition(" ")
        if instruction == "FROM":
            stages[arguments.rpartition(" AS ")[2]] = []
        stages[list(stages)[-1]].append((instruction, arguments))
    return stages


def _last(stage: str, instruction: str) -> str | None:
    return next((arguments for name, arguments in reversed(_stages()[stage]) if name == instruction), None)


@pytest.mark.parametrize("stage", ["cloud", "full"])
def test_images_end_as_an_unprivileged_user(stage: str) -> None:
    assert _last(stage, "USER") == "10001:10001"


def test_the_base_is_an_ubuntu_lts_and_ollama_comes_from_its_own_image() -> None:
    bases = dict(arguments.split("=", 1) for name, arguments in _stages()[""] if name == "ARG")
    assert bases["UBUNTU"].startswith("ubuntu:24.04") and bases["OLLAMA"].startswith("ollama/ollama")
    assert ("COPY", "--from=ollama /usr/bin/ollama /usr/bin/ollama") in _stages()["full"]
    assert not any("ollama" in arguments.lower() for name, arguments in _stages()["cloud"] if name in ("COPY", "RUN"))


def test_the_health_check_needs_no_curl() -> None:
    check = _last("cloud", "HEALTHCHECK") or ""
    command = json.loads(check.partition("CMD ")[2])
    assert command[:2] == ["/opt/myelin/bin/python", "-c"] and "/readyz" in command[2]
    compile(command[2], "healthcheck", "exec")
    assert not re.search(r"\b(curl|wget)\b", _read("Dockerfile"))


def test_packages_are_installed_by_hash_and_tesseract_reads_portuguese() -> None:
    runs = " ".join(arguments for stage in _stages().values() for name, arguments in stage if name == "RUN")
    assert "--require-hashes --only-binary :all:" in runs
    assert {"tesseract-ocr", "tesseract-ocr-por", "tesseract-ocr-eng", "supervisor", "python3.12"} <= set(runs.split())


def test_the_image_takes_every_room_and_nothing_secret() -> None:
    lines = [line for line in _read(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*", "everything is left out but what is named"
    kept = {line[1:] for line in lines if line.startswith("!")}
    rooms = {name for name in FLOORS.keys() | ALONE if (ROOT / name).is_dir()}
    files = {path.name for path in ROOT.glob("*.py")}
    assert rooms | files | {"requirements.txt", "supervisord.conf"} <= kept
    assert not any(fnmatch.fnmatch(secret, pattern) for secret in (".env", ".git", "data", ".venv") for pattern in kept)


def _services() -> dict[str, Any]:
    return yaml.safe_load(_read("docker-compose.yml"))["services"]


def test_compose_has_one_service_for_each_way_to_run() -> None:
    assert {name: service["profiles"] for name, service in _services().items()} == {
        "myelin-cpu": ["cpu"], "myelin-gpu": ["gpu"], "myelin-cloud": ["cloud"],
    }  # fmt: skip
    stages = _stages()
    assert all(service["build"]["target"] in stages for service in _services().values())
    assert _services()["myelin-cloud"]["build"]["target"] == "cloud"
    assert "devices" in _services()["myelin-gpu"]["deploy"]["resources"]["reservations"]
    assert "deploy" not in _services()["myelin-cpu"]


@pytest.mark.parametrize("name", ["myelin-cpu", "myelin-gpu", "myelin-cloud"])
def test_compose_confines_the_container(name: str) -> None:
    service = _services()[name]
    assert service["read_only"] is True and service["init"] is True
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service and "privileged" not in service
    assert "no-new-privileges:true" in service["security_opt"]
    (temporary,) = service["tmpfs"]
    assert temporary.startswith("/tmp:") and {"noexec", "nosuid", "nodev", "size=256m"} <= set(temporary[5:].split(","))
    assert service["volumes"] == ["data:/data"], "one volume, nothing of the host"
    assert service["pids_limit"] <= 512 and service["mem_limit"]
    assert service["ports"] == ["${PUBLISH:-127.0.0.1}:${PORT:-8000}:8000"], "only this computer unless asked"
    assert service["environment"]["HOST"] == "0.0.0.0" and service["environment"]["DATA_DIR"] == "/data"


def test_supervisor_runs_both_in_the_foreground_and_gives_time_to_drain() -> None:
    conf = configparser.ConfigParser(interpolation=None)
    conf.read_string(_read("supervisord.conf"))
    assert conf["supervisord"]["nodaemon"] == "true" and conf["supervisord"]["pidfile"].startswith("/tmp/")
    assert "user" not in conf["supervisord"] and "unix_http_server" not in conf and "inet_http_server" not in conf
    ollama, myelin = conf["program:ollama"], conf["program:myelin"]
    assert ollama["command"] == "/usr/bin/ollama serve" and myelin["command"] == "/opt/myelin/bin/python main.py"
    assert int(ollama["priority"]) < int(myelin["priority"]), "stopped in the opposite order"
    assert myelin["stopsignal"] == "TERM"
    grace = int(re.search(r"(?m)^SHUTDOWN_GRACE=(\d+)", _read(".env.example"))[1])
    stop = int(_services()["myelin-cpu"]["stop_grace_period"].removesuffix("s"))
    assert grace < int(myelin["stopwaitsecs"]) < stop - int(ollama["stopwaitsecs"]) + 1


def test_ollama_is_told_that_the_line_is_kept_elsewhere() -> None:
    environment = dict(re.findall(r"(OLLAMA_\w+)=(\S+)", _last("full", "ENV") or ""))
    assert environment["OLLAMA_HOST"].startswith("127.0.0.1")
    assert environment["OLLAMA_MODELS"].startswith("/data/")
    assert {
        "OLLAMA_MAX_LOADED_MODELS",
        "OLLAMA_NUM_PARALLEL",
        "OLLAMA_CONTEXT_LENGTH",
        "OLLAMA_NOPRUNE",
        "OLLAMA_MAX_QUEUE",
    } <= environment.keys()
    assert environment["OLLAMA_KEEP_ALIVE"] == "15m" and environment["OLLAMA_FLASH_ATTENTION"] == "1"


@pytest.mark.parametrize("name", ["start.sh", ".ci/run"])
def test_scripts_can_be_run(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / name], check=True)


def test_continuous_integration_runs_the_command_that_people_run() -> None:
    assert "start.sh" in _read(".ci/run") and " test " in _read(".ci/run")


def test_start_says_what_it_can_do_and_refuses_the_rest(tmp_path: Path) -> None:
    run = lambda *words: subprocess.run([ROOT / "start.sh", *words], cwd=tmp_path, capture_output=True, text=True, timeout=30)  # noqa: E731
    told = run("help")
    assert told.returncode == 0 and all(f"./start.sh {word}" in told.stdout for word in ("demo", "test", "doctor", "help"))
    refused = run("fly")
    assert refused.returncode == 1 and "There is no command 'fly'" in refused.stderr


def _started_with(folder: Path, pythons: dict[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
    """`./start.sh` where the path has these scripts, and no Python besides."""
    (folder / "start.sh").write_text(_read("start.sh"), "utf-8")
    tools = folder / "bin"
    for tool in ("bash", "dirname"):
        place = next(path for place in os.get_exec_path() if (path := Path(place, tool)).exists())
        tools.mkdir(exist_ok=True)
        (tools / tool).unlink(missing_ok=True)
        (tools / tool).symlink_to(place)
    for name, script in pythons.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    places = dict.fromkeys([tools, *((folder / name).parent for name in pythons)])
    command = [tools / "bash", folder / "start.sh", "doctor"]
    env = {"PATH": ":".join(map(str, places)), **variables}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30)


_OLD = 'case "$1" in --version) echo Python 3.8.10;; *) exit 1;; esac'
#: Suits, and cannot make the environment in the end.
_PLAIN = 'case "$*" in --version) echo Python 3.12.1;; *base_prefix*) exit 1;; "-m venv"*) exit 7;; esac'
_OPTIMISED = _PLAIN.replace("3.12.1", "3.11.2").replace("exit 1", "exit 0")


def test_start_says_how_to_get_a_python(tmp_path: Path) -> None:
    ended = _started_with(tmp_path, {"bin/python3": _OLD})
    assert ended.returncode == 1
    assert "Python 3.11 or newer was not found (this is Python 3.8.10)" in ended.stderr and "apt install python3" in ended.stderr
    assert not (tmp_path / ".venv").exists()


def test_start_takes_a_python_that_was_compiled_well(tmp_path: Path) -> None:
    ended = _started_with(tmp_path, {"pyenv/python3.12": _PLAIN, "pyenv/python3": _PLAIN, "usr/python3": _OPTIMISED})
    assert f"Making .venv with Python 3.11.2, {tmp_path}/usr/python3\n" in ended.stderr and "optimisations" not in ended.stderr


def test_start_takes_the_first_python_where_none_was_compiled_well(tmp_path: Path) -> None:
    ended = _started_with(tmp_path, {"bin/python3.13": _OLD, "bin/python3.12": _PLAIN, "bin/python3": _PLAIN})
    assert f"{tmp_path}/bin/python3.12\n" in ended.stderr and "compiled without optimisations" in ended.stderr


def test_start_takes_the_python_that_is_asked_for_or_none(tmp_path: Path) -> None:
    pythons = {"bin/python3": _OPTIMISED, "own/python3": _PLAIN, "own/old": _OLD}
    assert f"Python 3.12.1, {tmp_path}/own/python3\n" in _started_with(tmp_path, pythons, PYTHON=f"{tmp_path}/own/python3").stderr
    refused = _started_with(tmp_path, pythons, PYTHON=f"{tmp_path}/own/old")
    assert (
        refused.returncode == 1 and refused.stderr.splitlines()[-1] == f"✗ PYTHON={tmp_path}/own/old is no Python 3.11 or newer."
    )


def test_vendored_files_are_the_published_ones() -> None:
    vendor = ROOT / "api/web/static/vendor"
    claims = re.findall(r"(?m)^\s+(\S+/\S+)\s+sha384-(\S+)$", (vendor / "SOURCES").read_text("utf-8"))
    assert {name for name, _ in claims} == {
        str(path.relative_to(vendor)) for path in vendor.rglob("*") if path.suffix in (".js", ".css")
    }
    for name, claim in claims:
        assert base64.b64encode(hashlib.sha384((vendor / name).read_bytes()).digest()).decode() == claim
        assert any((vendor / name).parent.glob("LICENSE*"))


def test_locks_name_no_registry_and_pin_by_hash() -> None:
    lock = _read("tests/newman/package-lock.json")
    assert '"resolved"' not in lock and ".tgz" not in lock
    packages = {name: entry for name, entry in json.loads(lock)["packages"].items() if name}
    assert packages["node_modules/newman"]["version"] == json.loads(_read("tests/newman/package.json"))["dependencies"]["newman"]
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    for name in ("requirements.txt", "requirements-test.txt", "requirements-uv.txt"):
        assert "://" not in _read(name) and "--index" not in _read(name)
        entries = re.split(r"(?m)^(?=[A-Za-z0-9])", re.sub(r"(?m)^#.*\n", "", _read(name)))
        assert all("==" in entry and "--hash=sha256:" in entry for entry in entries if entry.strip())


def test_no_package_runs_code_when_python_starts() -> None:
    """A `.pth` line that begins with `import` runs at every start of Python: only setuptools' own is known."""
    folder = Path(sysconfig.get_paths()["purelib"])
    lines = {
        path.name: [line for line in path.read_text("utf-8").splitlines() if line.startswith("import")]
        for path in folder.glob("*.pth")
    }
    assert {name for name, found in lines.items() if found} <= {"distutils-precedence.pth", "_virtualenv.pth"}


def _requests(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [leaf for item in items for leaf in (_requests(item["item"]) if "item" in item else [item])]


COLLECTION = json.loads(_read("postman_collection.json"))


def test_the_collection_is_version_1_3_in_the_current_format() -> None:
    assert COLLECTION["info"]["name"].startswith("Myelin") and COLLECTION["info"]["name"].endswith("v1.3")
    assert COLLECTION["info"]["schema"].endswith("/collection/v2.1.0/collection.json")
    names = {variable["key"]: variable["value"] for variable in COLLECTION["variable"]}
    assert {"baseUrl", "apiKey", "geminiKey", "sampleFile"} <= names.keys()
    assert names["apiKey"] == names["geminiKey"] == "", "no key is kept in the repository"
    used = set(re.findall(r"{{(\w+)}}", json.dumps(COLLECTION)))
    assert used <= names.keys(), "a variable that is used has a default"


def test_the_collection_covers_every_endpoint_of_the_source_document() -> None:
    wanted = {
        "POST /upload",
        "GET /queue",
        "GET /response/{{jobId}}",
        "GET /models/list",
        "POST /models/download",
        "GET /models/gemini",
        "GET /config/compute",
        "POST /config/compute",
        "GET /health",
        "GET /",
    }
    sent = [item["request"] for item in _requests(COLLECTION["item"])]
    assert wanted <= {
        f"{request['method']} {request['url']['raw'].removeprefix('{{baseUrl}}').partition('?')[0]}" for request in sent
    }
    providers = {header["value"] for request in sent for header in request["header"] if header["key"] == "AI-Provider"}
    assert {"ollama", "gemini", "builtin"} <= providers


@pytest.mark.parametrize("item", _requests(COLLECTION["item"]), ids=lambda item: item["name"])
def test_every_request_of_the_collection_is_tested(item: dict[str, Any]) -> None:
    scripts = [line for event in item["event"] if event["listen"] == "test" for line in event["script"]["exec"]]
    assert any("pm.test(" in line for line in scripts)
