import json
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from documents import finder
from documents.answers import Question, RawAnswer
from documents.finder import Finding
from documents.formatting import format_answer
from documents.parsed import Page, Word
from documents.reasoning import StoredText, run
from documents.skeleton import AnswerWarning, Skeleton
from providers.types import Usage

TEXT = "Emitente: Padaria São João\nCNPJ: 11.222.333/0001-81"
PAGES = [
    Page(1, TEXT, 595.0, 842.0, "ocr", (Word(33, 51, 10.0, 20.0, 90.0, 30.0, 0.9),), "Folha 1"),
    Page(2, "Total: R$ 1.234,56"),
]
QUESTION = Question(
    'Qual o "CNPJ"?\n\u2028', Skeleton.parse('{"cnpj": "", "total": 0, "itens": [{"nome": ""}]}'), '{"cnpj": "1"}'
)
RAW = RawAnswer(
    {"cnpj": "11222333000181", "total": "99"}, "fake", "small", None, "requested", Usage(10, 5), 1,
    (AnswerWarning("json_repaired", "", "x"),),
)  # fmt: skip


class Computer:
    """Computes here, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict]] = []

    async def __call__(self, task: str, request: bytes) -> bytes:
        self.asked.append((task, json.loads(request)))
        return run(task, request)


async def draw(page: int, dpi: int) -> bytes:
    raise AssertionError("no picture is wanted")


@pytest.fixture
def computer() -> Computer:
    return Computer()


@pytest.fixture
def stored(computer: Computer) -> StoredText:
    return StoredText([page.to_json() for page in PAGES], computer, draw)


def request(head: object = ("x", '{"a": ""}', None, None), pages: object = ((1, "text", 0, 0, "native", (), None),)) -> bytes:
    return orjson.dumps({"head": head, "pages": pages})


async def test_the_pages_come_back_as_they_were_stored(stored: StoredText, computer: Computer) -> None:
    assert await stored.pages() == PAGES
    assert computer.asked == []


async def test_finding_gives_what_the_finder_gives(stored: StoredText, computer: Computer) -> None:
    value, places = await stored.find(QUESTION)
    assert (value, places) == finder.find(QUESTION.skeleton, QUESTION.prompt, PAGES)
    start = TEXT.index("11.")
    assert places["/cnpj"] == Finding("11.222.333/0001-81", 1, start, start + 18)
    head = [QUESTION.prompt, QUESTION.skeleton.text, QUESTION.example, None]
    assert computer.asked == [("find", {"head": head, "pages": [json.loads(page.to_json()) for page in PAGES]})]


async def test_forming_gives_what_formatting_gives(stored: StoredText, computer: Computer) -> None:
    formed = await stored.form(RAW.to_json(), QUESTION)
    wanted = format_answer(RAW, QUESTION, PAGES)
    assert json.loads(formed.answer) == wanted.answer == {"cnpj": "11222333000181", "total": 99.0, "itens": []}
    assert json.loads(formed.evidence) == wanted.evidence and json.loads(formed.warnings) == wanted.warnings
    assert [(warning["code"], warning["path"]) for warning in wanted.warnings[:1]] == [("json_repaired", "")]
    assert list(json.loads(formed.answer)) == ["cnpj", "total", "itens"]
    ((task, asked),) = computer.asked
    assert (task, asked["head"][3]) == ("form", RAW.to_json())


async def test_a_document_without_pages_is_a_document(computer: Computer) -> None:
    value, places = await StoredText([], computer, draw).find(QUESTION)
    assert (value["cnpj"], places) == (None, {})


@pytest.mark.parametrize("answer", [b'["{}", "{}", "{"]', b'["{}", "{}"]', b"null", b"[1, 2, 3]", b"not JSON"])
async def test_what_is_not_json_is_never_passed_on(answer: bytes) -> None:
    async def broken(_task: str, _request: bytes) -> bytes:
        return answer

    with pytest.raises((ValueError, TypeError)):
        await StoredText([], broken, draw).form(RAW.to_json(), QUESTION)


@pytest.mark.parametrize("task", ["find", "form"])
@pytest.mark.parametrize(
    "hostile",
    [
        b"", b"not JSON", b"[" * 100_000, b"null", b"[]", b"{}", b'{"head": ["x", "{}", null, null]}', b"\xff",
        request(head=None), request(head=["x"]), request(head=["x", "y", "z", None, None]), request(head="four"),
        request(head=[1, '{"a": ""}', None, None]), request(head=["x", {"a": ""}, None, None]),
        request(head=["x", "not JSON", None, None]), request(head=["x", "3", None, None]),
        request(head=["x", '{"a": ""}', 1, None]), request(head=["x", '{"a": ""}', None, {"value": 1}]),
        request(pages=None), request(pages=1), request(pages=["page"]), request(pages=[[1, "text"]]),
        request(pages=[["one", "text", 0, 0, "native", [], None]]), request(pages=[[1, 2, 0, 0, "native", [], None]]),
        request(pages=[[1, "text", 0, 0, "telepathy", [], None]]), request(pages=[[1, "text", 0, 0, "native", [], 3]]),
        request(pages=[[1, "text", 0, 0, "native", [[0, 99, 0, 0, 0, 0]], None]]),
        request(pages=[[1, "text", 0, 0, "native", [["a", "b", 0, 0, 0, 0]], None]]),
    ],
)  # fmt: skip
def test_a_hostile_request_is_a_value_error(task: str, hostile: bytes) -> None:
    with pytest.raises(ValueError, match="not a computation"):
        run(task, hostile)


@pytest.mark.parametrize("raw", [None, "", "null", "[]", "{}", '{"value": 1}', "not JSON", "[" * 100_000])
def test_a_hostile_raw_answer_is_a_value_error(raw: str | None) -> None:
    with pytest.raises(ValueError):
        run("form", request(head=["x", '{"a": ""}', None, raw]))


@pytest.mark.parametrize("task", ["", "_find", "run", "__class__"])
def test_there_are_two_tasks_only(task: str) -> None:
    assert orjson.loads(run("find", request()))
    with pytest.raises(ValueError, match="not a computation"):
        run(task, request())


def test_the_confined_process_loads_no_client_of_http() -> None:
    names = ["aiohttp", "httpx", "httpx2", "gateway.service", "documents.analysis", "store", "sqlalchemy", "fastapi"]
    script = f"import sys, documents.reasoning; print([name for name in {names} if name in sys.modules])"
    house = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", script], cwd=house, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
