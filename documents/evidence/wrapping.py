"""Values that their box breaks into two lines, while other boxes stand beside them: the text has the neighbours in between."""

from typing import NamedTuple

from documents.evidence.pageindex import PageIndex, edges_are_whole

_MIN_WORDS, _MAX_WORDS, _MIN_PART = 3, 40, 5
#: Places of the first half that are looked at, and how far behind it the second may begin.
_MAX_PLACES, _REACH = 20, 500
_MAX_LINES = 2


class Wrapped(NamedTuple):
    """The value is `text[start:first_end]` and `text[second_start:end]` of the page."""

    start: int
    first_end: int
    second_start: int
    end: int


def find_wrapped(wanted: str, index: PageIndex) -> Wrapped | None:
    """Where `wanted` (normalised) stands in two parts, each at the edge of its cell, the second on one of the next lines."""
    words, text = wanted.split(), index.normal.text
    if not _MIN_WORDS <= len(words) <= _MAX_WORDS or words[0] not in text or words[-1] not in text:
        return None
    for split in range(len(words) - 1, 0, -1):
        first, second = " ".join(words[:split]), " ".join(words[split:])
        if min(len(first), len(second)) >= _MIN_PART and (found := _in_two(first, second, index)):
            return found
    return None


def _in_two(first: str, second: str, index: PageIndex) -> Wrapped | None:
    text, position = index.normal.text, -1
    for _ in range(_MAX_PLACES):
        position = text.find(first, position + 1)
        if position < 0:
            return None
        behind = position + len(first)
        other = text.find(second, behind, behind + _REACH + len(second))
        if other >= 0:
            found = Wrapped(*index.normal.offsets(position, behind), *index.normal.offsets(other, other + len(second)))
            if _is_wrapped(found, index):
                return found
    return None


def _is_wrapped(found: Wrapped, index: PageIndex) -> bool:
    text = index.page.text
    lines = index.line_at(found.second_start) - index.line_at(found.first_end - 1)
    whole = edges_are_whole(text, found.start, found.first_end) and edges_are_whole(text, found.second_start, found.end)
    ends = text.startswith(("\n", "  ", " \n"), found.first_end)
    begins = text.endswith(("\n", "  ", "\n "), 0, found.second_start)
    return 1 <= lines <= _MAX_LINES and whole and ends and begins
