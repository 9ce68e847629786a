"""For every value of an answer: where it stands in the document, how sure that is, and what can be verified about it.

Every leaf has an entry. A null has `page: null`, `match: "none"`, `grounded: null` (there is nothing to ground), and so has a
boolean, which is a judgement and not a text. For any other value `grounded` is true or false.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from documents.checks import checks, kind_of_key
from documents.evidence.matching import Match, Matcher, MatchKind, Place
from documents.evidence.pageindex import PageIndex
from documents.finder.finding import Finding
from documents.parsed import Page, Word
from documents.skeleton import pointer
from documents.values import fold

_MAX_QUOTE = 160
_QUOTE_MARGIN = 80
_MAX_LABEL, _MAX_LABELLED = 60, 120
_CELL = re.compile(r"\S+(?: \S+){0,40}")
_BOX_WIDTH = 8  # heights of its text that a label may stand to the left of the value in its box
_LABEL_REACH = 120
_MAX_ANCHORS = 8
_LINE, _FAR = 1000, 1 << 40


@dataclass(frozen=True, slots=True)
class AnswerLeaf:
    """One scalar of an answer: its JSON Pointer, the pointer of the object or list it is in, the nearest object key,
    and whether a list is somewhere above it."""

    path: str
    above: str
    key: str
    value: Any
    listed: bool


def leaves_in(value: Any, path: str = "", above: str = "", key: str = "", listed: bool = False) -> Iterator[AnswerLeaf]:
    """The scalars of an answer in its order."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves_in(item, pointer(path, name), path, name, listed)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves_in(item, pointer(path, index), path, key, listed or len(value) > 1)
    else:
        yield AnswerLeaf(path, above, key, value, listed)


def can_be_grounded(value: Any) -> bool:
    """Texts and numbers are printed in documents; null and booleans are not."""
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""


def locate(answer: Any, pages: Sequence[Page], findings: Mapping[str, Finding] | None = None) -> dict[str, dict[str, Any]]:
    """The evidence of each leaf of `answer` by its JSON Pointer: {value, page, quote, box, page_size, match,
    ocr_confidence, checks, grounded}.

    Boxes are in points from the top left of the page; `ocr_confidence` is that of the value's weakest word. `findings` are
    believed where the text at their place is the value. Total: wrong findings are looked up like any other value.
    """
    return _Assignment(pages, findings or {}).evidence(list(leaves_in(answer)))


class _Assignment:
    """Gives each leaf its own place. A value that stands in several places takes, in a list, the free place nearest to
    the values of its row that stand in one place only; elsewhere the free place with the key's words before it."""

    def __init__(self, pages: Sequence[Page], findings: Mapping[str, Finding]):
        self._matcher = Matcher(pages)
        self._findings = findings
        self._index_of = {page.number: index for index, page in enumerate(pages)}
        self._used: set[Place] = set()

    def evidence(self, leaves: list[AnswerLeaf]) -> dict[str, dict[str, Any]]:
        found = {leaf.path: self._found(leaf) for leaf in leaves if can_be_grounded(leaf.value)}
        anchors: dict[str, list[Place]] = defaultdict(list)
        for leaf in leaves:
            match = found.get(leaf.path)
            if match is not None and len(match.places) == 1:
                anchors[leaf.above].append(match.places[0])
        entries = {}
        for leaf in leaves:
            match = found.get(leaf.path)
            place = self._choose(leaf, match, anchors[leaf.above]) if match is not None and match.places else None
            entries[leaf.path] = self._entry(leaf, match.kind if match is not None else "none", place)
        return entries

    def _found(self, leaf: AnswerLeaf) -> Match:
        finding = self._findings.get(leaf.path)
        index = self._index_of.get(finding.page) if finding is not None else None
        if finding is not None and index is not None:
            printed = self._matcher.indexes[index].page.text[max(finding.start, 0) : max(finding.end, 0)]
            kind = self._matcher.relation(leaf.value, printed) if printed.strip() else "none"
            if kind != "none":
                return Match(kind, (Place(index, finding.start, min(finding.end, finding.start + len(printed))),))
        return self._matcher.match(leaf.value)

    def _choose(self, leaf: AnswerLeaf, match: Match, anchors: list[Place]) -> Place:
        if len(match.places) == 1:
            return match.places[0]
        free = [place for place in match.places if place not in self._used] or list(match.places)
        if leaf.listed and anchors:
            place = min(free, key=lambda one: (min(self._distance(anchor, one) for anchor in anchors[:_MAX_ANCHORS]), one))
        elif leaf.listed:
            place = free[0]
        else:
            words = _words_of(leaf.key)
            place = max(free, key=lambda one: (self._label_score(words, one), -one.page, -one.start)) if words else free[0]
        self._used.add(place)
        return place

    def _distance(self, anchor: Place, place: Place) -> int:
        """How far `place` is from `anchor` as a reader goes: on along the line, then down, and back last."""
        if anchor.page != place.page:
            return _FAR + abs(anchor.page - place.page)
        first, last = sorted((anchor, place))
        gap = last.start - first.start
        other_line = gap >= _LINE or "\n" in self._matcher.indexes[place.page].page.text[first.end : last.start]
        return (gap if first is anchor else 2 * gap) + (_LINE if other_line else 0)

    def _label_score(self, words: list[str], place: Place) -> int:
        before = self._matcher.indexes[place.page].folded[max(place.start - _LABEL_REACH, 0) : place.start]
        return sum(word in before for word in words)

    def _entry(self, leaf: AnswerLeaf, kind: MatchKind, place: Place | None) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "value": leaf.value,
            "page": None,
            "quote": None,
            "box": None,
            "page_size": None,
            "match": kind,
            "ocr_confidence": None,
            "checks": _checks(leaf),
            "grounded": None,
        }
        if can_be_grounded(leaf.value):
            entry["grounded"] = place is not None
        if place is not None:
            index = self._matcher.indexes[place.page]
            entry |= {"page": index.page.number, "quote": _quote(index, place.start, place.end)}
            entry |= _geometry(index, place)
        return entry


def _words_of(key: str) -> list[str]:
    spaced = "".join(f" {character}" if character.isupper() else character if character.isalnum() else " " for character in key)
    words = {word for text in (spaced, key.replace("_", " ")) for word in fold(text).split() if len(word) > 2}
    return sorted(words)


def _checks(leaf: AnswerLeaf) -> dict[str, bool]:
    return checks(leaf.value, kind_of_key(leaf.key)) if isinstance(leaf.value, str) else {}


def _quote(index: PageIndex, start: int, end: int) -> str:
    """The lines that hold `text[start:end]`, with single blanks; of long lines about 80 characters to each side, cut at
    blanks. A value without words before it on its line has its label in front: the line above, as it is printed."""
    text = index.page.text
    first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    last = len(text) if last < 0 else last
    if last - first > _MAX_QUOTE:
        left, right = max(first, start - _QUOTE_MARGIN), min(last, end + _QUOTE_MARGIN)
        blank = text.find(" ", left, start)
        first = left if left == first or blank < 0 else blank
        blank = text.rfind(" ", end, right)
        last = right if right == last or blank < 0 else blank
    quote = " ".join(text[first:last].split())
    label = _label_above(index, first, start, end) if _alone(text[first:start]) and _alone(text[end:last]) else ""
    return f"{label} {quote}" if label and len(label) + len(quote) < _MAX_LABELLED else quote


def _alone(beside: str) -> bool:
    """Whether what stands beside a value on its line are other cells without words."""
    return not beside.strip() or ("  " in beside and not any(map(str.isalpha, beside)))


def _label_above(index: PageIndex, line: int, start: int, end: int) -> str:
    """The label right over a value whose line begins at `line`: letters without digits, of the line before. Where the page
    has boxes only that cell of the line which stands over the value, or beside it."""
    text = index.page.text
    before = text[max(0, text.rfind("\n", 0, max(line - 1, 0)) + 1) : max(line - 1, 0)]
    offset = line - 1 - len(before)
    value = index.words_between(start, end)
    cells = [(offset + match.start(), offset + match.end()) for match in _CELL.finditer(before)]
    if value:
        apart = sorted((gap, cell) for cell in cells if (gap := _gap(index.words_between(*cell), value)) is not None)
        cells = [cell for gap, cell in apart if gap == apart[0][0]]
    if len(cells) != 1:
        return ""
    label = " ".join(text[slice(*cells[0])].split())
    fits = len(label) <= _MAX_LABEL and any(map(str.isalpha, label)) and not any(map(str.isdigit, label))
    return label if fits else ""


def _gap(label: Sequence[Word], value: Sequence[Word]) -> float | None:
    """How far a label stands to the side of the value under it (0 over it) or behind it; None when it is another's.

    In a box the label begins at the left edge, and the value may be set to the right.
    """
    if not label:
        return None
    left, right = min(word.x0 for word in label), max(word.x1 for word in label)
    top, bottom = min(word.y0 for word in label), max(word.y1 for word in label)
    size = max(bottom - top, 4.0)
    gap = max(value[0].x0 - right, left - value[-1].x1, 0.0)
    if -size <= value[0].y0 - bottom <= 2 * size:
        return gap if gap <= (_BOX_WIDTH if right <= value[0].x0 else 2) * size else None
    return gap if abs(value[0].y0 - top) <= size and right <= value[0].x0 else None


def _geometry(index: PageIndex, place: Place) -> dict[str, Any]:
    page = index.page
    words = index.words_between(place.start, place.end)
    if not words:
        return {}
    confidences = [word.confidence for word in words if word.confidence is not None]
    found: dict[str, Any] = {"ocr_confidence": round(min(confidences), 3) if confidences else None}
    if page.width > 0 and page.height > 0:
        lefts, tops, rights, bottoms = zip(*(word[2:6] for word in words))
        found["box"] = [round(edge, 2) for edge in (min(lefts), min(tops), max(rights), max(bottoms))]
        found["page_size"] = [round(page.width, 2), round(page.height, 2)]
    return found
