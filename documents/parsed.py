"""What a reader makes of a document: pages of text whose words know their place.

A page's `text` is canonical: every offset in the program (words, evidence, findings) points into it. Boxes are
`(x0, y0, x1, y1)` in points (1/72 inch) from the top left of the page as shown. A page without geometry (CSV, TXT,
DOCX, XLSX) has width = height = 0 and no words.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import le
from typing import Any, Literal, NamedTuple

import orjson

Box = tuple[float, float, float, float]
TextSource = Literal["native", "ocr"]


class Word(NamedTuple):
    """`page.text[start:end]` and where it stands; `confidence` is 0..1 for OCR and None for native text."""

    start: int
    end: int
    x0: float
    y0: float
    x1: float
    y1: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page (or one sheet, or one stretch of a document without pages); `number` counts from 1."""

    number: int
    text: str
    width: float = 0.0
    height: float = 0.0
    source: TextSource = "native"
    words: tuple[Word, ...] = ()
    label: str | None = None

    def to_json(self) -> bytes:
        """UTF-8 JSON with words as arrays; `Page.from_json` is its inverse."""
        return orjson.dumps([self.number, self.text, self.width, self.height, self.source, [*map(tuple, self.words)], self.label])

    @classmethod
    def from_json(cls, data: bytes) -> "Page":
        """Raises ValueError for anything that `to_json` cannot have made: the data may come from a hostile process."""
        try:
            return cls.of(orjson.loads(data))
        except orjson.JSONDecodeError as error:
            raise ValueError(f"not a page: {error}") from None

    @classmethod
    def of(cls, members: object) -> "Page":
        """A page from the decoded JSON of `to_json`. Raises ValueError as `from_json` does."""
        try:
            number, text, width, height, source, words, label = members
            page = cls(int(number), text, float(width), float(height), source, tuple(Word(*word) for word in words), label)
        except (TypeError, ValueError) as error:
            raise ValueError(f"not a page: {error}") from None
        size = len(page.text) if isinstance(page.text, str) else -1
        if size < 0 or source not in ("native", "ocr") or not isinstance(label, str | None):
            raise ValueError("not a page: wrong types")
        if not all(0 <= word.start <= word.end <= size for word in page.words):
            raise ValueError("not a page: a word lies outside its text")
        return page

    def sealed(self) -> "SealedPage":
        return SealedPage.of(self.to_json())

    def words_between(self, start: int, end: int) -> list[Word]:
        """The words that overlap `text[start:end]`, in reading order."""
        return [word for word in self.words if word.start < end and word.end > start]


@dataclass(frozen=True, slots=True)
class SealedPage:
    """A page on its way to the store: `content` is its checked JSON, whose words nobody has to unpack until they are used."""

    number: int
    text: str
    source: TextSource
    content: bytes

    @classmethod
    def of(cls, content: bytes) -> "SealedPage":
        """Raises ValueError for anything that `Page.to_json` cannot have made: the data may come from a hostile process."""
        try:
            number, text, width, height, source, words, label = orjson.loads(content)
        except (TypeError, ValueError) as error:
            raise ValueError(f"not a page: {error}") from None
        if not (type(number) is int and isinstance(text, str) and {type(width), type(height)} <= _NUMBERS):
            raise ValueError("not a page: wrong types")
        if source not in ("native", "ocr") or not isinstance(label, str | None) or not isinstance(words, list):
            raise ValueError("not a page: wrong types")
        if words:
            _check_words(words, len(text))
        return cls(number, text, source, content)

    def open(self) -> Page:
        return Page.from_json(self.content)


_NUMBERS = {int, float}


def _check_words(words: list[Any], size: int) -> None:
    """Column by column: thousands of words a page, and each of them may be a lie."""
    try:
        starts, ends, *corners, confidences = zip(*words, strict=True)
    except (TypeError, ValueError):
        raise ValueError("not a page: words of wrong types") from None
    types = [set(map(type, column)) for column in (*corners, confidences)]
    whole = set(map(type, starts)) == set(map(type, ends)) == {int} and len(corners) == 4
    if not (whole and set().union(*types[:-1]) <= _NUMBERS and types[-1] <= _NUMBERS | {type(None)}):
        raise ValueError("not a page: words of wrong types")
    if min(starts) < 0 or max(ends) > size or not all(map(le, starts, ends)):
        raise ValueError("not a page: a word lies outside its text")


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that could not be read, or should be known: becomes a warning of the answer."""

    code: str
    message: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """How many pages there will be, told before the first one so that progress has a denominator."""

    pages: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document inside a document, as a reader hands it to the driver of sub-documents; it never leaves the sandbox.

    `name` is what the parent calls it, as a person may see it; `content` its bytes.
    """

    name: str
    content: bytes


FACTS = ("content_type", "pages", "pages_read", "text_source", "language", "notices")


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """Everything read from one document. `page_total` counts also the pages that could not be read."""

    content_type: str
    pages: tuple[SealedPage, ...]
    page_total: int
    notices: tuple[Notice, ...] = ()
    language: str | None = None
    text_source: Literal["native", "ocr", "mixed"] = field(default="native")

    def facts(self) -> dict[str, str | int | None]:
        """What is stored of the document beside its pages, by the names of `FACTS`; `notices` as JSON."""
        notices = [{"code": notice.code, "message": notice.message, "page": notice.page} for notice in self.notices]
        told = orjson.dumps(notices).decode()
        facts = (self.content_type, self.page_total, len(self.pages), self.text_source, self.language, told)
        return dict(zip(FACTS, facts, strict=True))


def ranges(numbers: Iterable[int]) -> str:
    """Numbers of pages for a sentence: `1–3, 7`."""
    spans: list[list[int]] = []
    for number in sorted(set(numbers)):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in spans)
