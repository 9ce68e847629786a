"""For every value of an answer: where it stands in the document, how sure that is, and what can be verified about it.

Every leaf has an entry. A null has `page: null`, `match: "none"`, `grounded: null` (there is nothing to ground), and so has a
boolean, which is a judgement and not a text. For any other value `grounded` is true or false.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from documents.checks import checks, kind_of_key
from documents.evidence.assignment import AnswerLeaf, Assignment, Standing, can_be_grounded, leaves_in
from documents.evidence.matching import Place
from documents.evidence.pageindex import PageIndex
from documents.finder.finding import Finding
from documents.parsed import Page, Word

_MAX_QUOTE = 160
_QUOTE_MARGIN = 80
_MAX_LABEL, _MAX_LABELLED = 60, 120
_CELL = re.compile(r"\S+(?: \S+){0,40}")
_BOX_WIDTH = 8  # heights of its text that a label may stand to the left of the value in its box


def locate(answer: Any, pages: Sequence[Page], findings: Mapping[str, Finding] | None = None) -> dict[str, dict[str, Any]]:
    """The evidence of each leaf of `answer` by its JSON Pointer: {value, page, quote, box, page_size, match,
    ocr_confidence, checks, grounded}.

    Boxes are in points from the top left of the page; `ocr_confidence` is that of the value's weakest word. `findings` are
    believed where the text at their place is the value. Total: wrong findings are looked up like any other value.
    """
    assignment, leaves = Assignment(pages, findings or {}), list(leaves_in(answer))
    standings = assignment.standings(leaves)
    return {leaf.path: _entry(leaf, standings[leaf.path], assignment.indexes) for leaf in leaves}


def _entry(leaf: AnswerLeaf, standing: Standing, indexes: Sequence[PageIndex]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "value": leaf.value,
        "page": None,
        "quote": None,
        "box": None,
        "page_size": None,
        "match": standing.kind,
        "ocr_confidence": None,
        "checks": checks_of(leaf),
        "grounded": None,
    }
    place = standing.place
    if can_be_grounded(leaf.value):
        entry["grounded"] = place is not None
    if place is not None:
        index = indexes[place.page]
        entry |= {"page": index.page.number, "quote": _quote(index, place.start, place.end)}
        entry |= _geometry(index, place)
    return entry


def checks_of(leaf: AnswerLeaf) -> dict[str, bool]:
    """What can be verified about the value alone, by its key and its form."""
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
    words = [word for word in index.words_between(place.start, place.end) if not place.gap[0] <= word.start < place.gap[1]]
    if not words:
        return {}
    confidences = [word.confidence for word in words if word.confidence is not None]
    found: dict[str, Any] = {"ocr_confidence": round(min(confidences), 3) if confidences else None}
    if page.width > 0 and page.height > 0:
        lefts, tops, rights, bottoms = zip(*(word[2:6] for word in words), strict=True)
        found["box"] = [round(edge, 2) for edge in (min(lefts), min(tops), max(rights), max(bottoms))]
        found["page_size"] = [round(page.width, 2), round(page.height, 2)]
    return found
