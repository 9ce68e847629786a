"""The documentation is code: generated parts are compared, examples are run, the collection knows every route."""

import json
import os
import re
import shlex
import subprocess
import sys

import pytest

from api.reference import ENTRIES
from docs.tables import ROOT, generated
from main import FRONTS, ROUTERS
from tests.fakes.gemini import FakeGemini
from tests.fakes.ollama import FakeOllama
from tests.journeys.conftest import in_a_thread
from tests.journeys.server import KEY, running

README = (ROOT / "README.md").read_text("utf-8")
PYTHONS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
CURLS = [block for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL) if "curl" in block]


@pytest.mark.parametrize("path", generated(), ids=lambda path: path.name)
def test_generated_documentation_is_up_to_date(path):
    assert path.read_text("utf-8") == generated()[path], "run: python -m docs.tables"


def test_every_relative_path_that_the_readme_names_exists():
    for name in re.findall(r"`((?:docs|tests|samples|documents|providers)/[\w./-]*|[\w-]+\.(?:py|sh|json|md|txt|in))`", README):
        assert (ROOT / name).exists(), name


def test_each_decision_has_a_number_of_its_own():
    pages = sorted((ROOT / "docs" / "adr").iterdir())
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for number, page in enumerate(pages, 1):
        text = page.read_text("utf-8")
        assert text.startswith(f"# {number}. "), page.name
        assert re.findall("^## (.*)", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Alternatives"], page.name


def test_every_file_that_a_decision_names_exists():
    for page in (ROOT / "docs" / "adr").iterdir():
        for name in re.findall(r"`((?:\w+/)+[\w.]*)`", page.read_text("utf-8")):
            known = name.partition("/")[0] in {path.name for path in ROOT.iterdir()}
            assert not known or (ROOT / name).exists(), f"{page.name}: {name}"


def test_the_collection_asks_every_route_of_the_document_wing():
    collection = (ROOT / "postman_collection.json").read_text("utf-8")
    for path in (
        "/upload",
        "/queue",
        "/response/",
        "/models/list",
        "/models/download",
        "/models/gemini",
        "/api/models",
        "/api/models/search",
        "/api/available_models",
        "/machines",
        "/config/compute",
        "/health",
    ):
        assert path in collection


def test_the_collection_asks_every_front():
    collection = (ROOT / "postman_collection.json").read_text("utf-8")
    for place, entry in ENTRIES.items():
        if not entry.summary.startswith("Refused") and "operator" not in entry.summary:
            assert f'"name": "{place.replace("{", ":").replace("}", "")}"' in collection, place


def test_the_table_of_routes_names_routes_that_exist():
    fronts = [rule.template for front in FRONTS for rule in front.rules()]
    templates = {
        re.sub(r"\{\w+\}", "{}", path) for path in (*(route.path for router in ROUTERS for route in router.routes), *fronts)
    }
    table = README[README.index("## The API") : README.index("Each field of")]
    named = [path for row in table.splitlines() for path in re.findall(r"`(?:[A-Z]+ )?(/[^`?\s,]*)`", row.split(" | ")[0])]
    assert len(named) > 40
    for path in named:  # some go on where the one before them ended
        assert any(template.endswith(re.sub(r"\{\w+\}", "{}", path)) for template in templates), path


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Runs a block of the README in samples/ against a real server with faithful providers behind it."""
    folder = tmp_path_factory.mktemp("readme") / "data"
    with (
        in_a_thread(FakeOllama()) as ollama,
        in_a_thread(FakeGemini()) as gemini,
        running(
            folder, OLLAMA_URL=ollama.url, GEMINI_BASE_URL=gemini.url, GEMINI_API_KEY="AIza-of-the-server-0123456789"
        ) as server,
    ):

        def run(block: str, *program: str) -> str:
            script = block.replace("http://localhost:8000", server.url).replace("samples/nota.pdf", "nota.pdf")
            script = re.sub(r"^export API_KEY=.*$", f"export API_KEY={shlex.quote(KEY)}", script, flags=re.MULTILINE)
            environment = {"PATH": os.environ["PATH"], "API_KEY": KEY, "GEMINI_API_KEY": "AIza-readme-example-key"}
            done = subprocess.run(
                [*(program or ("bash", "-euc")), script],
                cwd=ROOT / "samples",
                env=environment,
                capture_output=True,
                timeout=60,
                check=True,
            )
            return done.stdout.decode()

        yield run


@pytest.mark.parametrize("block", CURLS, ids=lambda block: " ".join(re.findall(r"localhost:8000(/\S+?)[\"?\s]", block)))
def test_the_examples_work_as_printed(shell, block):
    printed = shell(block)
    answers = [json.loads(line) for line in re.split(r"(?<=\})\s*(?=\{)", printed.strip()) if line]
    assert answers
    for answer in answers:
        assert "code" not in answer, answer


def test_the_first_answer_is_the_one_that_is_printed(shell):
    answer = json.loads(shell(CURLS[0]))
    shown = json.loads(re.search(r"```json\n(.*?)```", README, re.DOTALL)[1])
    assert answer["response"] == shown["response"] and answer["status"] == shown["status"]
    entry = shown["evidence"]["/0/cnpj_emitente"]
    assert {name: answer["evidence"]["/0/cnpj_emitente"][name] for name in entry} == entry


@pytest.mark.parametrize("block", PYTHONS, ids=lambda block: re.findall(r"from (\w+) import", block)[0])
def test_the_programs_work_as_printed(shell, block):
    assert shell(block, sys.executable, "-c").strip()
