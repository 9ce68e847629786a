"""The normalised readings of one page's text, each made once and only when somebody asks."""

import itertools
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from documents.parsed import Page, Word
from documents.values import find_amounts, find_dates, fold

Offsets = tuple[int, int]

_CONFUSED = str.maketrans("oilsbz", "011582")
_CONFUSED_AS_PRINTED = str.maketrans("OoIlSsBbZz", "0011558822")
_NUMBERLIKE = re.compile(r"(?<![^\W_])(?=[OoIlSsBbZz.,/-]{0,12}\d)[\dOoIlSsBbZz][\dOoIlSsBbZz.,/-]{2,20}(?![^\W_])")
_TOKEN = re.compile(r"\S+")
_BREAK = re.compile("\n")
_ORDINALS = "\u00ba\u00aa"
_LONG = 8
_LABEL_BEFORE = re.compile(r"(?<!\w)[^\W\d_]{3,19}$")
_LABEL_AFTER = re.compile(r"[^\W\d_]{3,19}(?!\w)")
_CODE = re.compile(r"[0-9a-z]+")


class Normal(NamedTuple):
    """`text` is folded with single blanks; character `starts[i]` of it is character `origins[i]` of the page."""

    text: str
    starts: list[int]
    origins: list[int]

    def offsets(self, start: int, end: int) -> Offsets:
        """Where `text[start:end]` stands in the page; the span must not begin or end with a blank."""
        return self._origin(start), self._origin(end - 1) + 1

    def _origin(self, position: int) -> int:
        index = bisect_right(self.starts, position) - 1
        return self.origins[index] + position - self.starts[index]


def _joined(folded: str, token: re.Pattern[str], separator: str) -> Normal:
    pieces, starts, origins, length = [], [], [], 0
    for match in token.finditer(folded):
        pieces.append(match.group())
        starts.append(length)
        origins.append(match.start())
        length += len(match.group()) + len(separator)
    return Normal(separator.join(pieces), starts, origins)


class PageIndex:
    """`page` with its readings: `folded` (same length), `normal` (single blanks), `code` (only letters and digits),
    `confused` (`code` with the letters that OCR takes for digits as those digits), `amounts` and `dates` by value."""

    def __init__(self, page: Page):
        self.page = page

    @cached_property
    def folded(self) -> str:
        return fold(self.page.text)

    @cached_property
    def normal(self) -> Normal:
        return _joined(self.folded, _TOKEN, " ")

    @cached_property
    def code(self) -> Normal:
        return _joined(self.folded, _CODE, "")

    @cached_property
    def confused(self) -> Normal:
        return self.code._replace(text=confuse(self.code.text))

    @cached_property
    def _counted(self) -> str:
        """The text as it is read for amounts and dates: on a page read by OCR the letters in numbers are digits."""
        return deconfused(self.page.text) if self.page.source == "ocr" else self.page.text

    @cached_property
    def amounts(self) -> dict[Decimal, list[Offsets]]:
        found: dict[Decimal, list[Offsets]] = defaultdict(list)
        text = self._counted
        for amount in find_amounts(text):
            found[amount.value].append((amount.start, amount.end))
            bracketed = text[amount.start - 1 : amount.start] == "(" and text[amount.end : amount.end + 1] == ")"
            if amount.value > 0 and (bracketed or _trailing_minus(text, amount.end)):
                found[-amount.value].append((amount.start, amount.end))
        return dict(found)

    def dates(self, month_first: bool) -> dict[date, list[Offsets]]:
        """Days printed on the page, in the reading order of the document's habit."""
        if self._dates is None:
            found: dict[date, list[Offsets]] = defaultdict(list)
            for day in find_dates(self._counted, month_first):
                found[day.value].append((day.start, day.end))
            self._dates = dict(found)
        return self._dates

    _dates: dict[date, list[Offsets]] | None = None

    @cached_property
    def _breaks(self) -> list[int]:
        return [match.start() for match in _BREAK.finditer(self.page.text)]

    def line_at(self, position: int) -> int:
        """The number (from 0) of the line that holds `text[position]`."""
        return bisect_left(self._breaks, position)

    @cached_property
    def _word_starts(self) -> list[int] | None:
        starts = [word.start for word in self.page.words]
        return starts if all(one <= other for one, other in itertools.pairwise(starts)) else None

    def words_between(self, start: int, end: int) -> list[Word]:
        """As `Page.words_between`, without walking the whole page when its words are in order."""
        starts = self._word_starts
        if starts is None:
            return self.page.words_between(start, end)
        first = bisect_left(starts, start)
        while first and self.page.words[first - 1].end > start:
            first -= 1
        return [word for word in self.page.words[first : bisect_left(starts, end)] if word.end > start]


def _trailing_minus(text: str, end: int) -> bool:
    return text[end : end + 1] == "-" and not text[end + 1 : end + 2].isalnum()


def normalise(text: str) -> str:
    """`text` folded, with single blanks: the form of `PageIndex.normal`."""
    return " ".join(fold(text).split())


def code_of(text: str) -> str:
    """Only the letters and digits of `text`, folded: the form of `PageIndex.code`."""
    return "".join(_CODE.findall(fold(text)))


def confuse(code: str) -> str:
    """`code` with O as 0, I and L as 1, Z as 2, S as 5, B as 8."""
    return code.translate(_CONFUSED)


def deconfused(text: str) -> str:
    """`text` of the same length with the letters that OCR takes for digits as those digits, in numbers only: tokens of digits,
    separators and such letters, of which most are digits (`1.234,5O` is `1.234,50`, `SOL` stays)."""
    return _NUMBERLIKE.sub(lambda match: _as_number(match.group()), text)


def _as_number(token: str) -> str:
    letters = sum(map(str.isalpha, token))
    return token.translate(_CONFUSED_AS_PRINTED) if 2 * letters < sum(map(str.isalnum, token)) else token


def _joined_to(edge: str, neighbour: str) -> bool:
    return edge.isalnum() and neighbour.isalnum() and neighbour not in _ORDINALS


def edges_are_whole(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` is made of whole tokens: no letter or digit is cut off, and no number is part of a longer
    one (`5` does not stand in `15`, `5,00`, `-5` or `5/10`; `2026` does stand in `05/03/2026`). Labels that a layout glues
    to a long number (`CEP01234-567`, `Nº000.123`) are not part of it."""
    before, after = text[start - 1 : start], text[end : end + 1]
    first, last = text[start], text[end - 1]
    is_long = end - start >= _LONG
    if _joined_to(first, before) and not (is_long and first.isdigit() and _LABEL_BEFORE.search(text[max(start - 20, 0) : start])):
        return False
    if _joined_to(last, after) and not (is_long and last.isdigit() and _LABEL_AFTER.match(text, end)):
        return False
    marks = ".,:/-" if end - start <= 2 else ".,"
    if last.isdigit() and after and after in marks and text[end + 1 : end + 2].isdigit():
        return False
    if not first.isdigit() or not before:
        return True
    if before in marks and text[start - 2 : start - 1].isdigit() and start > 1:
        return False
    return not (before in "-\u2212" and (start < 2 or text[start - 2] in " \t\n$("))
