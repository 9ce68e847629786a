"""Where a value stands in a document: exactly, or in another spelling of the same thing."""

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from documents.evidence.fuzzy import can_be_loose, find_loose
from documents.evidence.pageindex import Normal, Offsets, PageIndex, code_of, confuse, edges_are_whole, normalise
from documents.evidence.wrapping import find_wrapped
from documents.parsed import Page
from documents.values import digits, parse_amount, parse_date

MatchKind = Literal["exact", "normalised", "number", "date", "fuzzy", "none"]

#: Places of one value that are looked at; the first ones in reading order.
MAX_PLACES = 500
_MIN_CODE, _MIN_CODE_DIGITS, _MIN_GROUPED = 6, 4, 11
#: Characters of text that may be compared loosely in one document, so that many untrue values cannot take minutes.
LOOSE_BUDGET = 20_000_000
_NUMERIC_DATE = re.compile(r"(?<![\d/.-])(\d{1,2})[/.-](\d{1,2})[/.-](?:\d{4}|\d{2})(?!\d)")


class Place(NamedTuple):
    """`pages[page].text[start:end]` without `text[gap[0]:gap[1]]`, which is of other boxes; `page` is an index into the
    sequence, not the page's number."""

    page: int
    start: int
    end: int
    gap: Offsets = (0, 0)


class Match(NamedTuple):
    """All the places (in reading order) where a value stands in this kind of spelling; none for the kind `none`."""

    kind: MatchKind
    places: tuple[Place, ...]


_NONE = Match("none", ())
_NO_TEXT = Normal("", [], [])


def _confused_by_ocr(index: PageIndex) -> Normal:
    return index.confused if index.page.source == "ocr" else _NO_TEXT


def _as_printed(_: PageIndex) -> None:
    """The reading that is the page's text itself."""


class Matcher:
    """Looks values up in the pages of one document; the pages' readings are made once, when first needed.

    `loose_budget` characters may be compared loosely; after that only what is printed as such is found.
    """

    def __init__(self, pages: Sequence[Page], loose_budget: int = LOOSE_BUDGET):
        self.indexes = [PageIndex(page) for page in pages]
        self._known: dict[tuple[type, Any], Match] = {}
        self._budget = loose_budget
        self._month_first: bool | None = None

    def match(self, value: str | int | float) -> Match:
        """The most exact kind of match that `value` has anywhere in the document."""
        key = (type(value), value)
        if key not in self._known:
            self._known[key] = self._text(value) if isinstance(value, str) else self._number(value)
        return self._known[key]

    def relation(self, value: str | int | float, printed: str) -> MatchKind:
        """How `value` and the words `printed` are the same thing; `none` when they are not."""
        text = value if isinstance(value, str) else str(value)
        if printed == text:
            return "exact"
        if normalise(printed) == normalise(text) or (_is_code(text) and code_of(printed) == code_of(text)):
            return "normalised"
        amount = _amount(value)
        if amount is not None and amount == parse_amount(printed):
            return "number"
        day = parse_date(text, self._months_first()) if isinstance(value, str) else None
        return "date" if day is not None and day == parse_date(printed, self._months_first()) else "none"

    def _text(self, value: str) -> Match:
        stripped = value.strip()
        if not stripped:
            return _NONE
        return (
            self._spelled("exact", stripped, _as_printed)
            or self._spelled("normalised", normalise(stripped), lambda index: index.normal)
            or self._code(stripped)
            or self._amounts(parse_amount(stripped) if len(stripped) <= 60 else None)
            or self._dates(stripped)
            or self._wrapped(normalise(stripped))
            or self._fuzzy(normalise(stripped))
            or _NONE
        )

    def _number(self, value: int | float) -> Match:
        text = str(value)
        return self._spelled("exact", text, _as_printed) or self._amounts(_amount(value)) or _NONE

    def _collect(self, kind: MatchKind, found: Callable[[PageIndex], Iterator[Offsets]]) -> Match | None:
        places: list[Place] = []
        for number, index in enumerate(self.indexes):
            for start, end in found(index):
                places.append(Place(number, start, end))
                if len(places) == MAX_PLACES:
                    return Match(kind, tuple(places))
        return Match(kind, tuple(places)) if places else None

    def _spelled(self, kind: MatchKind, wanted: str, reading: Callable[[PageIndex], Normal | None]) -> Match | None:
        def found(index: PageIndex) -> Iterator[Offsets]:
            normal = reading(index)
            haystack = index.page.text if normal is None else normal.text
            position = haystack.find(wanted)
            while position >= 0:
                end = position + len(wanted)
                start, stop = (position, end) if normal is None else normal.offsets(position, end)
                if edges_are_whole(index.page.text, start, stop):
                    yield start, stop
                position = haystack.find(wanted, end)

        return self._collect(kind, found) if wanted else None

    def _code(self, value: str) -> Match | None:
        """An identifier, however it is punctuated; on a page read by OCR also with OCR's confusions of letters and digits."""
        if not _is_code(value):
            return None
        code = code_of(value)
        plain = self._spelled("normalised", code, lambda index: index.code)
        found = plain or self._spelled("normalised", confuse(code), _confused_by_ocr)
        places = tuple(place for place in found.places if self._is_one_code(place, len(code))) if found else ()
        return Match("normalised", places) if places else None

    def _is_one_code(self, place: Place, length: int) -> bool:
        """Whether the printed characters are one identifier: no decimals, and blanks only between the groups of a long one."""
        printed = self.indexes[place.page].page.text[place.start : place.end]
        if "," in printed or (length < _MIN_GROUPED and any(map(str.isspace, printed))):
            return False
        amount = parse_amount(printed) if len(printed) <= 30 else None
        return amount is None or amount == amount.to_integral_value()

    def _amounts(self, amount: Decimal | None) -> Match | None:
        def found(index: PageIndex) -> Iterator[Offsets]:
            return (span for span in index.amounts.get(amount, ()) if edges_are_whole(index.page.text, *span))

        return None if amount is None else self._collect("number", found)

    def _dates(self, value: str) -> Match | None:
        day = parse_date(value, self._months_first()) if len(value) <= 60 else None
        if day is None:
            return None
        return self._collect("date", lambda index: iter(index.dates(self._months_first()).get(day, ())))

    def _months_first(self) -> bool:
        """Whether the document itself writes the month first: more of its dates can be read only so than only otherwise."""
        if self._month_first is None:
            pairs = [match.groups() for index in self.indexes for match in _NUMERIC_DATE.finditer(index.page.text)]
            month_first = sum(int(second) > 12 >= int(first) for first, second in pairs)
            self._month_first = month_first > sum(int(first) > 12 >= int(second) for first, second in pairs)
        return self._month_first

    def _wrapped(self, wanted: str) -> Match | None:
        for number, index in enumerate(self.indexes):
            if found := find_wrapped(wanted, index):
                gap = (found.first_end, found.second_start)
                return Match("normalised", (Place(number, found.start, found.end, gap),))
        return None

    def _fuzzy(self, wanted: str) -> Match | None:
        """The most alike stretch of the document; the first one of equals."""
        if not can_be_loose(wanted):
            return None
        best, best_score = None, 0.0
        for number, index in enumerate(self.indexes):
            self._budget -= len(index.page.text)
            if self._budget < 0:
                break
            loose = find_loose(wanted, index.normal.text)
            if loose is not None and loose.score > best_score:
                best_score, best = loose.score, Place(number, *index.normal.offsets(loose.start, loose.end))
        return Match("fuzzy", (best,)) if best else None


def _is_code(value: str) -> bool:
    """Whether punctuation in `value` means nothing: many digits, and not an amount whose separators matter."""
    code = code_of(value)
    if len(code) < _MIN_CODE or sum(map(str.isdigit, code)) < _MIN_CODE_DIGITS or 2 * len(digits(code)) < len(code):
        return False
    amount = parse_amount(value) if len(value) <= 60 else None
    return (amount is None or amount == amount.to_integral_value()) and (len(value) > 30 or parse_date(value) is None)


def _amount(value: str | int | float) -> Decimal | None:
    if isinstance(value, str):
        return parse_amount(value) if len(value) <= 60 else None
    return Decimal(str(value)) if not isinstance(value, int) or value.bit_length() < 1000 else None
