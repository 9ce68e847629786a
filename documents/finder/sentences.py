"""Free text that does not end where its line ends."""

import re

from documents.finder.printed import is_label
from documents.finder.view import View

#: What no text ends with: prepositions, articles, conjunctions.
_DANGLING = re.compile(
    r"(?<![^\W_])(?:a|o|as|os|ao|aos|um|uma|de|do|da|dos|das|em|no|na|nos|nas|por|pelo|pela|pelos|pelas|para|com|sem|sob"
    r"|sobre|entre|ate|desde|e|ou|que|se|cujo|cuja|the|an|of|to|for|in|on|at|by|with|from|and|or|und|der|die|das|mit|von"
    r"|et|le|la|les|du|des|n[oº°]\.?|r\$|us\$|art\.|cf\.)\Z"
)
#: A quantity at the end of a line may go on (`10% do preço`, `4.320 m² de área`).
_QUANTITY = re.compile(r"\d\s?(?:%|m[23²³]?|km|cm|mm|kg|g|l|h|dias?|meses|anos?|days?|months?|years?)\Z")
_SENTENCE_END = re.compile(r"[.;!?](?=\s|\Z)")
_LABELLED = re.compile(r"[^\W\d_][^:.;\d]{0,30}:(?!\d|//)")
_BLANK_MARKS = " \t\r\n-–—=*|,"
_FULL_LINE = 40
_MAX_LINES, _MAX_TEXT = 12, 1000


def _dangles(view: View, start: int, end: int) -> bool:
    """Whether `text[start:end]` ends with a word that another one must follow; a single capital letter is a name."""
    alone = view.text[end - 1].isupper() and not view.text[end - 2 : end - 1].isalnum()
    return not alone and _DANGLING.search(view.folded[max(start, end - 24) : end]) is not None


def _is_open(view: View, start: int, end: int, following: str) -> bool:
    """Whether `text[start:end]`, the end of a line, goes on in the line that begins with `following`."""
    if _dangles(view, start, end):
        return True
    if view.text[end - 1] in ".;!?:" or not following[:1].islower():
        return False
    return end - start >= _FULL_LINE or _QUANTITY.search(view.folded[max(start, end - 24) : end]) is not None


def whole_text(view: View, start: int, end: int) -> tuple[int, int] | None:
    """`text[start:end]` with the next lines as far as its sentence goes; None when it breaks off.

    A line goes on when it ends with a preposition, an article or the like, or when a long line or a quantity is followed
    by a small letter. Only lines that stand right under it are taken.
    """
    first = start
    for _ in range(_MAX_LINES):
        cell = view.cell_at(end - 1)
        if cell is None or view.text[end : cell.end].strip(_BLANK_MARKS):
            break
        below = view.cells[cell.index + 1] if cell.index + 1 < len(view.cells) else None
        if not _is_open(view, first, end, view.text[below.start : below.end] if below is not None else ""):
            return start, end
        between = view.text[end : below.start] if below is not None else ""
        if below is None or "\n" not in between or between.strip(_BLANK_MARKS):
            return None
        close = 0 < below.y0 - cell.y0 < 2.5 * max(cell.height, 4.0) and below.x0 <= cell.x0 + 2 * cell.height
        if not close or is_label(view.folded_of(below)) or _LABELLED.match(view.text, below.start, below.end):
            return None
        stop = _SENTENCE_END.search(view.text, below.start, below.end)
        first, end = below.start, stop.end() if stop else below.end
        if end - start > _MAX_TEXT:
            return None
        if stop:
            return start, end
    return None if _dangles(view, start, end) else (start, end)
