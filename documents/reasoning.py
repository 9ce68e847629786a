"""The computations over a document's text: finding fields, weighing what models said, forming the answer with its evidence.

They are as hungry for the processor as reading is, so they run where reading runs, in a confined process of their own:
the event loop never waits for them, and a text that makes a pattern slow harms one job. Bytes in, bytes out.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import orjson

from core.errors import InvalidField
from documents import finder
from documents.answers import Question, RawAnswer
from documents.finder.finding import Finding
from documents.formatting import format_answer
from documents.parsed import Page
from documents.review import Doubt, Part, amended, doubts, merged
from documents.skeleton import AnswerWarning, Skeleton
from documents.tables import Table, tables_of

Compute = Callable[[str, bytes], Awaitable[bytes]]
Draw = Callable[[int, int], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Formed:
    """What `GET /response/{id}` shows, each as JSON text; how many values can stand in a document, and how many of them do."""

    answer: str
    evidence: str
    warnings: str
    values_sought: int
    values_grounded: int


@dataclass(frozen=True, slots=True)
class StoredText:
    """The pages of a read document as they are stored (`Page.to_json`), the process that computes over them, and the one
    that draws a page as PNG (by its number and dots per inch)."""

    contents: Sequence[bytes]
    compute: Compute
    draw: Draw

    async def pages(self) -> list[Page]:
        return await asyncio.to_thread(lambda: [Page.from_json(content) for content in self.contents])

    async def find(self, question: Question) -> tuple[Any, dict[str, Finding]]:
        """The built-in finder's value and where each part of it stands. Raises what `Sandbox.compute` raises."""
        value, places = orjson.loads(await self.compute("find", _request(self.contents, question, None)))
        return value, {path: Finding(*place) for path, place in places.items()}

    async def weigh(self, question: Question, parts: Sequence[Part]) -> tuple[Any, list[Doubt]]:
        """What the parts say as one raw answer, and what of it should be asked again."""
        told = json.dumps([part.to_json() for part in parts])
        value, found = json.loads(await self.compute("weigh", _request(self.contents, question, told)))
        return value, [Doubt(*members) for members in found]

    async def amend(self, question: Question, value: Any, answers: Mapping[str, Any]) -> tuple[Any, list[AnswerWarning]]:
        """The raw answer with those of `answers` (by JSON Pointer) that are better; see `documents.review.amended`."""
        told = json.dumps([value, answers])
        value, found = json.loads(await self.compute("amend", _request(self.contents, question, told)))
        return value, [AnswerWarning(*members) for members in found]

    async def form(self, raw: str, question: Question) -> Formed:
        """The answer of `RawAnswer.to_json` in the wanted form, with evidence and warnings."""
        parts = orjson.loads(await self.compute("form", _request(self.contents, question, raw)))
        _, evidence, _ = map(orjson.loads, parts)
        standing = [entry["grounded"] for entry in evidence.values() if entry["grounded"] is not None]
        return Formed(*parts, len(standing), standing.count(True))


async def tables_in(contents: Sequence[bytes], compute: Compute) -> dict[int, list[Table]]:
    """The tables of each page that has any, by its number."""
    found = orjson.loads(await compute("tables", _request(contents, _NOTHING_ASKED, None)))
    return {int(number): tables for number, tables in found}


def _request(contents: Sequence[bytes], question: Question, raw: str | None) -> bytes:
    # The stored pages are joined as they are: the server neither decodes nor encodes them.
    head = orjson.dumps([question.prompt, question.skeleton.text, question.example, raw])
    return b'{"head":' + head + b',"pages":[' + b",".join(contents) + b"]}"


def _find(question: Question, pages: list[Page], _raw: str | None) -> bytes:
    value, findings = finder.find(question.skeleton, question.prompt, pages)
    places = {path: [found.value, found.page, found.start, found.end] for path, found in findings.items()}
    return orjson.dumps([value, places])


def _form(question: Question, pages: list[Page], raw: str | None) -> bytes:
    formed = format_answer(RawAnswer.from_json(raw or ""), question, pages)
    return orjson.dumps([orjson.dumps(part).decode() for part in (formed.answer, formed.evidence, formed.warnings)])


def _weigh(question: Question, pages: list[Page], raw: str | None) -> bytes:
    parts = [Part.of(members) for members in json.loads(raw or "")]
    value = merged(question.skeleton, parts, pages)
    return json.dumps([value, [astuple(doubt) for doubt in doubts(question, value, pages)]]).encode()


def _amend(question: Question, pages: list[Page], raw: str | None) -> bytes:
    value, answers = json.loads(raw or "")
    value, warnings = amended(question, value, answers, pages)
    return json.dumps([value, [astuple(warning) for warning in warnings]]).encode()


def _tables(_question: Question, pages: list[Page], _raw: str | None) -> bytes:
    return orjson.dumps([[page.number, tables] for page in pages if (tables := tables_of(page))])


_NOTHING_ASKED = Question("", Skeleton.parse('{"any": ""}'), None)
_TASKS = {"find": _find, "form": _form, "weigh": _weigh, "amend": _amend, "tables": _tables}


def run(task: str, request: bytes) -> bytes:
    """One computation, in the confined process. Raises ValueError for a request that `StoredText` cannot have made."""
    try:
        compute = _TASKS[task]
        data = orjson.loads(request)
        prompt, text, example, raw = data["head"]
        pages = [Page.of(page) for page in data["pages"]]
        if (
            not isinstance(prompt, str)
            or not isinstance(text, str)
            or not all(isinstance(one, str | None) for one in (example, raw))
        ):
            raise ValueError("wrong types")
        question = Question(prompt, Skeleton.parse(text), example)
    except (KeyError, TypeError, ValueError, OverflowError, InvalidField) as error:
        raise ValueError(f"not a computation over a document: {type(error).__name__}") from None
    return compute(question, pages, raw)
