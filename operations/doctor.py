"""The doctor: what this machine has, what it lacks, and the cure in one line each.

`check_*` judge one thing each from values; `examine` looks at the machine and puts them together. No program is started and
no secret is shown. `fail` means that Myelin cannot work, `warn` that something will be missing.
"""

import asyncio
import importlib.util
import math
import shutil
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import orjson

from core.errors import InvalidField, MyelinError
from core.http import Deadlines, HttpClient, HttpFailure
from core.secrets import read_secret_key

Verdict = Literal["ok", "warn", "fail"]
Neighbour = Callable[[str, int], Awaitable[str | None]]

PYTHON_FLOOR = (3, 11)
# 0.17.1 closes CVE-2026-7482: three open calls that read the server's memory.
OLLAMA_FLOOR = (0, 17, 1)
# RETURNING and the upserts that the store uses.
SQLITE_FLOOR = (3, 35, 0)
PUBLISHED_KEYS = frozenset({"myelin-ocr-llm-2024-super-secret-key"})
MIN_KEY_LENGTH = 20
TESSDATA = (
    "usr/share/tesseract-ocr/*/tessdata", "usr/share/tessdata", "usr/local/share/tessdata",
    "usr/local/share/tesseract-ocr/tessdata", "opt/homebrew/share/tessdata",
)  # fmt: skip
EXTRAS = {"pi_heif": "HEIC pictures", "zxingcpp": "bar codes and QR codes"}
_SECONDS = 5.0
_NEIGHBOUR = Deadlines(connect=2, headers=2, idle=2, total=3)
_ANSWER_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `cure` is empty when nothing is to be done."""

    name: str
    verdict: Verdict
    detail: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be examined: effective settings, and what only other rooms know (SQLite's version, the sandbox's layers).

    `layers` is None when the sandbox did not start; `refusal` then says why.
    """

    api_key: str
    master_api_key: str
    secret_key: str
    gemini_api_key: str
    data_dir: Path
    min_free_disk_mb: int
    host: str
    port: int
    ocr_languages: str
    second_ocr_engine: str
    ollama_url: str
    sqlite_version: str
    layers: Mapping[str, bool | str] | None
    refusal: str = ""


class OllamaProbe(Protocol):
    """Raises a MyelinError when Ollama gives no answer."""

    async def version(self) -> str: ...

    async def models(self) -> Sequence[str]: ...


def check_python(version: tuple[int, ...]) -> Check:
    shown = ".".join(str(part) for part in version[:3])
    if version[:2] < PYTHON_FLOOR:
        return Check("Python", "fail", f"{shown} is too old", "Install Python 3.11 or newer.")
    return Check("Python", "ok", shown)


def check_sqlite(version: str) -> Check:
    if version_of(version) < SQLITE_FLOOR:
        return Check("SQLite", "fail", f"{version} is too old", "Use a Python that was built with SQLite 3.35 or newer.")
    return Check("SQLite", "ok", version)


def check_ocr(library: bool, program: bool, wanted: str, found: Iterable[str]) -> Check:
    """`library`: tesserocr is installed; `program`: tesseract is in the path; `wanted` like `por+eng`."""
    if not library and not program:
        return Check("Tesseract", "warn", "not installed: scans and photos cannot be read", _install("tesseract-ocr"))
    engine = "tesserocr" if library else "tesseract program"
    names, there = wanted.split("+"), set(found)
    missing = [name for name in names if name not in there]
    if not missing:
        return Check("Tesseract", "ok", f"{engine}, languages {', '.join(names)}")
    packages = " ".join(f"tesseract-ocr-{name.replace('_', '-')}" for name in missing)
    scope = "scans cannot be read" if missing == names else "scans are read without them"
    lacking = f"{engine}, languages missing: {', '.join(missing)}; {scope}"
    return Check("Tesseract", "warn", lacking, _install(packages))


def _install(packages: str) -> str:
    return f"apt-get install {packages} (macOS: brew install tesseract tesseract-lang)"


def check_extras(second: str, found: Iterable[str]) -> Check:
    """`second`: the second OCR engine that is wanted, `off` for none; `found`: which optional packages are installed."""
    there = set(found)
    cure = "pip install -r requirements-extras.in"
    if second != "off" and not {"rapidocr", "onnxruntime"} <= there:
        return Check("Reading extras", "warn", f"{second} is wanted and not installed: Tesseract reads alone", cure)
    missing = [what for package, what in EXTRAS.items() if package not in there]
    if missing:
        return Check("Reading extras", "ok", f"not installed, so not read: {', '.join(missing)}")
    return Check("Reading extras", "ok", f"{', '.join(EXTRAS.values())}{'' if second == 'off' else f', {second}'}")


def check_ollama(url: str, version: str | None, models: Sequence[str], problem: str = "") -> Check:
    """`version` is None when Ollama gives no answer; the built-in finder and Gemini work without it."""
    if version is None:
        cure = "Start it (ollama serve), or set OLLAMA_URL in .env."
        return Check("Ollama", "warn", f"no answer at {url}{f': {problem}' if problem else ''}", cure)
    if version_of(version) < OLLAMA_FLOOR:
        floor = ".".join(str(part) for part in OLLAMA_FLOOR)
        danger = f"{version} lets strangers read its memory (CVE-2026-7482)"
        return Check("Ollama", "warn", danger, f"Update Ollama to {floor} or newer.")
    if not models:
        return Check("Ollama", "warn", f"{version}, no model installed", "ollama pull gemma3:1b")
    more = f" and {len(models) - 5} more" if len(models) > 5 else ""
    return Check("Ollama", "ok", f"{version}, models {', '.join(models[:5])}{more}")


def check_gemini(key: str) -> Check:
    if key:
        return Check("Gemini", "ok", "a key is set")
    return Check("Gemini", "warn", "no key: only requests that bring their own can use it", "Set GEMINI_API_KEY in .env.")


def check_keys(api_key: str, master_api_key: str, secret_key: str) -> list[Check]:
    """The three keys of `.env`, without showing them."""
    checks = [_access_key("API_KEY", api_key), _access_key("MASTER_API_KEY", master_api_key)]
    if api_key and api_key == master_api_key:
        checks[1] = Check("MASTER_API_KEY", "fail", "is the same as API_KEY", "Give it a value of its own in .env.")
    try:
        read_secret_key(secret_key)
        checks.append(Check("SECRET_KEY", "ok", "32 bytes"))
    except InvalidField as error:
        detail = "malformed: not 32 bytes of URL-safe base64" if secret_key else "missing"
        checks.append(Check("SECRET_KEY", "fail", detail, error.hint or ""))
    return checks


def _access_key(name: str, key: str) -> Check:
    fresh = f"Delete the line {name}= from .env and start again: ./start.sh makes a fresh one."
    if not key:
        return Check(name, "fail", "missing", fresh)
    if key in PUBLISHED_KEYS:
        return Check(name, "warn", "is the example key that everybody can read in the documentation", fresh)
    if len(key) < MIN_KEY_LENGTH:
        return Check(name, "warn", f"has {len(key)} characters, fewer than {MIN_KEY_LENGTH}: it can be guessed", fresh)
    return Check(name, "ok", f"set, {len(key)} characters")


def check_data_dir(folder: Path, problem: str | None, mode: int | None) -> Check:
    """`problem`: why nothing can be written there; `mode`: its permission bits, None where they mean nothing."""
    if problem is not None:
        cure = f"Make it writable for this user (chown $USER {folder}), or set DATA_DIR."
        return Check("Data", "fail", f"{folder}: {problem}", cure)
    if mode is not None and mode & 0o077:
        return Check("Data", "warn", f"{folder} can be entered by other users ({mode:03o})", f"chmod 700 {folder}")
    return Check("Data", "ok", f"{folder} is writable")


def check_disk(free_bytes: int | None, min_free_mb: int) -> Check:
    if free_bytes is None:
        return Check("Disk", "warn", "free space is unknown", "Make the data folder first.")
    free = free_bytes / (1 << 20)
    shown = f"{free / 1024:.1f} GiB free" if free >= 1024 else f"{math.floor(free)} MiB free"
    if free < min_free_mb:
        refused = f"{shown}, uploads are refused below {min_free_mb} MiB"
        return Check("Disk", "fail", refused, "Free some space, or lower MIN_FREE_DISK_MB.")
    if free < 4 * min_free_mb:
        return Check("Disk", "warn", f"{shown}, close to the limit of {min_free_mb} MiB", "Free some space.")
    return Check("Disk", "ok", shown)


def check_port(host: str, port: int, problem: str | None, myelin: str | None = None) -> Check:
    """`problem`: why nobody can listen there; `myelin`: the version of the Myelin that does."""
    if problem is None:
        return Check("Port", "ok", f"{host}:{port} is free")
    if myelin is not None:
        return Check("Port", "ok", f"{host}:{port}: Myelin {myelin} is running here")
    return Check("Port", "warn", f"{host}:{port}: {problem}", "Stop what listens there, or set PORT in .env.")


def check_sandbox(layers: Mapping[str, bool | str] | None, refusal: str = "") -> Check:
    """Layers as the sandbox proved them; without a sandbox no document is read."""
    if layers is None:
        detail = f"did not start: {refusal}" if refusal else "did not start"
        cure = "Documents are refused until it starts: use Linux, and let the container use Landlock and seccomp."
        return Check("Sandbox", "fail", detail, cure)
    on = [name if value is True else f"{name} {value}" for name, value in layers.items() if value]
    off = [name for name, value in layers.items() if not value]
    if off:
        cure = "A kernel from 5.13 on with Landlock gives them all; in a container use the runtime's default seccomp profile."
        return Check("Sandbox", "warn", f"without {', '.join(off)} (with {', '.join(on) or 'nothing'})", cure)
    return Check("Sandbox", "ok", ", ".join(on))


def version_of(text: str) -> tuple[int, ...]:
    """The leading numbers: `0.17.1-rc2` is (0, 17, 1); a text without any is ()."""
    numbers = []
    for part in text.lstrip("v").split(".")[:3]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def tesseract_languages(root: Path = Path("/")) -> list[str]:
    """Languages of the first tessdata folder under `root` that has any."""
    for pattern in TESSDATA:
        for folder in sorted(root.glob(pattern), reverse=True):
            if languages := sorted(path.stem for path in folder.glob("*.traineddata")):
                return languages
    return []


def _write_problem(folder: Path) -> str | None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        return error.strerror or "cannot be written"
    return None


def _port_problem(host: str, port: int) -> str | None:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do: a port whose last connections are still dying is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return error.strerror or "cannot be used"
    return None


def _machine_checks(subject: Subject) -> list[Check]:
    folder = subject.data_dir
    problem = _write_problem(folder)
    free = shutil.disk_usage(folder).free if problem is None else None
    mode = folder.stat().st_mode & 0o777 if problem is None and sys.platform != "win32" else None
    library, program = importlib.util.find_spec("tesserocr") is not None, shutil.which("tesseract") is not None
    extras = [name for name in (*EXTRAS, "rapidocr", "onnxruntime") if importlib.util.find_spec(name) is not None]
    return [
        check_python(tuple(sys.version_info[:3])),
        check_sqlite(subject.sqlite_version),
        check_ocr(library, program, subject.ocr_languages, tesseract_languages()),
        check_extras(subject.second_ocr_engine, extras),
        check_sandbox(subject.layers, subject.refusal),
        check_data_dir(folder, problem, mode),
        check_disk(free, subject.min_free_disk_mb),
        *check_keys(subject.api_key, subject.master_api_key, subject.secret_key),
        check_gemini(subject.gemini_api_key),
    ]


async def _ollama_check(url: str, probe: OllamaProbe) -> Check:
    try:
        async with asyncio.timeout(_SECONDS):
            return check_ollama(url, await probe.version(), await probe.models())
    except MyelinError as error:
        return check_ollama(url, None, (), error.detail)
    except TimeoutError:
        return check_ollama(url, None, (), f"silent for {_SECONDS:g} s")


async def myelin_at(http: HttpClient, host: str, port: int) -> str | None:
    """The version of the Myelin that answers there; None for anything else."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    url = f"http://[{host}]:{port}/version" if ":" in host else f"http://{host}:{port}/version"
    try:
        async with http.request("GET", url, deadlines=_NEIGHBOUR) as answered:
            told = orjson.loads(await answered.head(_ANSWER_BYTES))
    except (HttpFailure, orjson.JSONDecodeError):
        return None
    return str(told.get("version", ""))[:32] if isinstance(told, dict) and told.get("name") == "Myelin" else None


async def _port_check(host: str, port: int, ask: Neighbour) -> Check:
    problem = await asyncio.to_thread(_port_problem, host, port)
    return check_port(host, port, problem, None if problem is None else await ask(host, port))


async def examine(subject: Subject, ollama: OllamaProbe, neighbour: Neighbour) -> list[Check]:
    """Every check, in the order in which they are shown. Writes nothing but the data folder, if it is missing.

    `neighbour` is `myelin_at` with its client.
    """
    machine = await asyncio.to_thread(_machine_checks, subject)
    port = await _port_check(subject.host, subject.port, neighbour)
    return [*machine, port, await _ollama_check(subject.ollama_url, ollama)]


def worst(checks: Iterable[Check]) -> Verdict:
    """The gravest verdict; `fail` is for exit code 1."""
    return max((check.verdict for check in checks), key=("ok", "warn", "fail").index, default="ok")


def table(checks: Sequence[Check]) -> str:
    """Plain text, a line a check and an arrow before each cure; readable without colours."""
    width = max((len(check.name) for check in checks), default=0)
    lines = []
    for check in checks:
        lines.append(f"{check.verdict:<4}  {check.name:<{width}}  {' '.join(check.detail.split())}")
        if check.cure:
            lines.append(f"{'':<4}  {'':<{width}}  → {check.cure}")
    return "\n".join(lines)
