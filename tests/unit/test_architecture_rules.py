"""Every rule of the architecture test goes red on a tiny house that breaks it, and stays green on one that does not."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import test_architecture as plan
from tests.test_architecture import House

LONG = "def f():\n" + "    pass\n" * 50

# (rule, {file: source}, words of the failure)
BROKEN = [
    (plan.every_room_has_a_floor, {"attic/box.py": ""}, "attic: has no floor"),
    (plan.every_room_has_a_floor, {"server.py": ""}, "server: has no floor"),
    (plan.arrows_point_down, {"core/logs.py": "from store import jobs"}, "core/logs.py:1: core imports store.jobs"),
    (
        plan.arrows_point_down,
        {"providers/ollama.py": "\nimport store.jobs"},
        "providers/ollama.py:2: providers imports store.jobs",
    ),
    (plan.arrows_point_down, {"api/documents.py": "from tests.fakes import ollama"}, "api imports tests.fakes.ollama"),
    (plan.arrows_point_down, {"cli.py": "from core.errors import MyelinError"}, "cli imports core.errors.MyelinError"),
    (plan.arrows_point_down, {"main.py": "import cli"}, "main imports cli"),
    (plan.arrows_point_down, {"commands/machines.py": "from fleet import names"}, "commands imports fleet.names"),
    (plan.arrows_point_down, {"api/machines.py": "from commands import server"}, "api imports commands.server"),
    (plan.walls_stand, {"api/models.py": "from providers.ollama import Ollama"}, "through the wall to providers"),
    (plan.walls_stand, {"api/models.py": "import documents.parsers.pdf"}, "through the wall to documents.parsers"),
    (plan.walls_stand, {"documents/analysis.py": "from store import jobs"}, "Let the floor above"),
    (plan.walls_stand, {"gateway/service.py": "from documents.parsed import Page"}, "through the wall to documents"),
    (plan.fences_stand, {"documents/skeleton.py": "from fastapi import Request"}, "fastapi.Request belongs to main, api only"),
    (plan.fences_stand, {"gateway/service.py": "import httpx2"}, "httpx2 belongs to core.http"),
    (plan.fences_stand, {"gateway/service.py": "import tenacity"}, "gateway.retry"),
    (plan.fences_stand, {"operations/health.py": "import os\nos.environ['A']"}, "operations/health.py:2: os.environ"),
    (plan.fences_stand, {"operations/health.py": "from os import getenv"}, "os.getenv belongs to core.settings"),
    (plan.fences_stand, {"documents/analysis.py": "import asyncio\nasyncio.create_task(f())"}, "asyncio.create_task belongs to"),
    (plan.fences_stand, {"gateway/service.py": "group().create_task(f())"}, "?.create_task belongs to"),
    (plan.fences_stand, {"api/documents.py": "from asyncio import TaskGroup"}, "asyncio.TaskGroup belongs to"),
    (plan.fences_stand, {"operations/doctor.py": "import subprocess"}, "subprocess belongs to"),
    (plan.fences_stand, {"workers.py": "import pypdfium2"}, "read in the sandboxed child"),
    (plan.fences_stand, {"providers/gemini.py": "import httpx"}, "httpx belongs to nobody only"),
    (plan.files_are_small, {"core/logs.py": "x = 1\n" * 401}, "core/logs.py: 401 lines"),
    (plan.files_are_small, {"core/logs.py": "x = 1\n" * 150, "core/clock.py": "x = 1\n" * 150}, "the median file has 150 lines"),
    (plan.functions_are_short, {"core/logs.py": LONG}, "f has 51 lines"),
    (plan.functions_are_short, {"core/logs.py": "async " + LONG}, "f has 51 lines"),
    (plan.lines_are_short, {"core/logs.py": "# " + "x" * 129}, "core/logs.py:1: 131 columns"),
    (
        plan.utils_have_two_callers,
        {"utils.py": "def clip(): ...", "main.py": "from utils import clip\nclip()"},
        "clip has 1 caller(s)",
    ),
    (plan.utils_have_two_callers, {"utils.py": "def clip(): ...\ndef cut(): return clip() + clip()"}, "clip has 0 caller(s)"),
    (plan.imports_stand_at_the_top, {"core/logs.py": "def f():\n    import json"}, "core/logs.py:2: json is imported inside"),
    (
        plan.nothing_hides_from_the_runtime,
        {"core/logs.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING: ..."},
        "core/logs.py:2",
    ),
    (plan.nothing_hides_from_the_runtime, {"core/logs.py": "import typing\nif typing.TYPE_CHECKING: ..."}, "core/logs.py:2"),
    (plan.names_are_free, {"platform.py": ""}, "platform: shadows"),
    (plan.names_are_free, {"queue/one.py": ""}, "queue: shadows"),
    (plan.names_are_nouns, {"store/jobs_v2.py": ""}, "store/jobs_v2.py: is named after its history"),
    (plan.names_are_nouns, {"store/legacy/jobs.py": "", "store/legacy/__init__.py": ""}, "store/legacy/__init__.py"),
]

SOUND = {
    "main.py": "import asyncio\nfrom fastapi import FastAPI\nfrom api import gate\nimport workers\nasyncio.create_task(gate())",
    "workers.py": "from documents.analysis import analyse\nfrom utils import clip\nclip(analyse)",
    "cli.py": "import os\nimport httpx2\nfrom commands import machines\nos.environ.get('PORT')",
    "commands/machines.py": "from commands.server import Server",
    "api/__init__.py": "",
    "api/models.py": "from providers.types import ModelInfo\nfrom . import gate",
    "documents/analysis.py": "from gateway.service import Gateway\nfrom providers import types",
    "documents/sandbox/client.py": "import asyncio\nasyncio.create_subprocess_exec",
    "documents/parsers/__init__.py": "from .base import Parser",
    "documents/parsers/pdf.py": "import pypdfium2\nfrom ..parsed import Page\nfrom .base import Parser",
    "providers/gemini.py": "def client():\n    import google.genai\n    from google.genai import types",
    "core/settings.py": "import os\nfrom utils import clip\nclip(os.environ)",
    "utils.py": "def clip(): ...\ndef _inner(): ...",
    "store/renewals.py": "import sqlalchemy",
    "tests/unit/old_v2.py": "import httpx",
    ".venv/lib/httpx.py": "import httpx",
}


def _build(root: Path, files: dict[str, str]) -> House:
    for name, source in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source, "utf-8")
    return plan.load(root)


@pytest.mark.parametrize(("rule", "files", "words"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_house_is_named(
    rule: Callable[[House], Iterator[str]], files: dict[str, str], words: str, tmp_path: Path
) -> None:
    failures = list(rule(_build(tmp_path, files)))
    assert any(words in failure for failure in failures), failures
    assert all(failure.rstrip().endswith(".") for failure in failures), "a failure says what to do in a sentence"


@pytest.mark.parametrize("rule", plan.RULES, ids=lambda rule: rule.__name__)
def test_a_sound_house_passes(rule: Callable[[House], Iterator[str]], tmp_path: Path) -> None:
    assert list(rule(_build(tmp_path, SOUND))) == []


def test_every_rule_is_proven() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(plan.RULES)


@pytest.mark.parametrize(
    ("path", "source", "target"),
    [
        ("documents/parsers/pdf.py", "from ..parsed import Page", "documents.parsed.Page"),
        ("documents/parsers/pdf.py", "from . import base", "documents.parsers.base"),
        ("documents/parsers/__init__.py", "from .base import Parser", "documents.parsers.base.Parser"),
        ("documents/parsers/__init__.py", "from .. import parsed", "documents.parsed"),
    ],
)
def test_relative_imports_are_followed(path: str, source: str, target: str, tmp_path: Path) -> None:
    (module,) = _build(tmp_path, {path: source})
    assert [name for _, name in module.imports()] == [target]
