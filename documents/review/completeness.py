"""Lists with fewer rows than the document seems to have.

A line looks like a row of the list when it has the form of the lines that the answer's rows stand on: words, amounts, dates
and whole numbers in the same order. Lines that add up others are not rows.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from documents.parsed import Page
from documents.review.grounds import Span, grounds_of
from documents.skeleton import AnswerWarning, pointer
from documents.values import fold

_MIN_ROWS = 3
#: Of ten rows of the answer that stand in the document, how many must have lines of one form.
_MOST = 0.8
_LONGEST_LINE = 400
_SUMS = re.compile(r"\b(?:sub-?total|total|totais|soma|saldo|valor a pagar|balance|sum|carried|transporte)\b")
_WORDS = re.compile("ww+")
_TOKEN = re.compile(
    r"(?P<d>\d{1,4}[/-]\d{1,2}(?:[/-]\d{2,4})?(?![\d,]))"
    r"|(?P<a>-?\d{1,3}(?:[.,]\d{3}){0,5}[.,]\d{2,4}(?!\d)|-?\d{1,9}[.,]\d{2,4}(?!\d))"
    r"|(?P<n>\d{1,18}(?![\d.,/-]\d))|(?P<w>[^\s|;]+)"
)


def incomplete(answer: Any, pages: Sequence[Page]) -> list[AnswerWarning]:
    """Warnings `list_incomplete` for the lists of objects in `answer`."""
    lists = list(_lists_in(answer, ""))
    if not lists:
        return []
    spans = {path: one.span for path, one in grounds_of(answer, pages).items() if one.span is not None}
    lines = _Lines(pages)
    found = (_of_list(path, rows, spans, lines) for path, rows in lists)
    return [warning for warning in found if warning is not None]


def _lists_in(value: Any, path: str) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(value, list):
        if len(value) >= _MIN_ROWS and all(isinstance(row, dict) for row in value):
            yield path, value
        for index, item in enumerate(value):
            yield from _lists_in(item, pointer(path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _lists_in(item, pointer(path, key))


class _Lines:
    """The lines of the pages with their form, each by (number of the page, offset of its end)."""

    def __init__(self, pages: Sequence[Page]):
        self._pages = {page.number: page.text for page in pages}
        self._forms: dict[str, list[tuple[int, int]]] | None = None

    def at(self, span: Span) -> tuple[int, int]:
        """The line on which a span begins, as (page, start of the line)."""
        page, start, _ = span
        return page, self._pages[page].rfind("\n", 0, start) + 1

    def form_at(self, line: tuple[int, int]) -> str:
        page, start = line
        end = self._pages[page].find("\n", start)
        return _form(self._pages[page][start : end if end >= 0 else None])

    def having(self, form: str) -> list[tuple[int, int]]:
        if self._forms is None:
            self._forms = {}
            for page, text in self._pages.items():
                start = 0
                for line in text.split("\n"):
                    self._forms.setdefault(_form(line), []).append((page, start))
                    start += len(line) + 1
        return self._forms.get(form, [])


def _of_list(path: str, rows: list[Any], spans: Mapping[str, Span], lines: _Lines) -> AnswerWarning | None:
    standing = []
    for index in range(len(rows)):
        above = pointer(path, index)
        at = Counter(lines.at(span) for leaf, span in spans.items() if leaf.startswith(f"{above}/"))
        if at:
            standing.append(at.most_common(1)[0][0])
    forms = Counter(lines.form_at(line) for line in standing)
    if len(set(standing)) < _MIN_ROWS or not forms:
        return None
    form, count = forms.most_common(1)[0]
    if count < _MOST * len(rows) or not _tells(form):
        return None
    printed = [line for line in lines.having(form) if line >= min(standing)]
    if len(printed) <= len(rows):
        return None
    message = f"The document seems to have {len(printed)} such rows, the answer has {len(rows)}."
    return AnswerWarning("list_incomplete", path, message)


def _form(line: str) -> str:
    """`01/03 PIX RECEBIDO 100,00 250,00` is `dwaa`: dates, words (any number of them), amounts, whole numbers."""
    if len(line) > _LONGEST_LINE or _SUMS.search(fold(line)):
        return ""
    return _WORDS.sub("w", "".join(match.lastgroup or "" for match in _TOKEN.finditer(line)))


def _tells(form: str) -> bool:
    """Whether a form is that of entries and not of any sentence with a number in it."""
    return "a" in form and len(form.replace("w", "")) >= 2
