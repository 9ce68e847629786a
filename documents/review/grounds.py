"""How well each value of an answer stands in the document: what decides between values that contradict each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from documents.evidence import Assignment, can_be_grounded, checks_of, leaves_in
from documents.parsed import Page

Span = tuple[int, int, int]  # the number of the page, start and end in its text


@dataclass(frozen=True, slots=True)
class Grounds:
    """Of one value: where it stands, whether its checks hold, how many words of its key stand before it, and the confidence
    of its weakest word (1 for native text)."""

    value: Any
    span: Span | None
    failed: tuple[str, ...]
    labelled: int
    confidence: float

    @property
    def grounded(self) -> bool:
        """Also true for what is never printed: null, true and false."""
        return self.span is not None or not can_be_grounded(self.value)

    @property
    def sound(self) -> tuple[bool, bool]:
        """What an answer to a second question must better."""
        return self.grounded, not self.failed


def grounds_of(answer: Any, pages: Sequence[Page], offsets: Sequence[int] | None = None) -> dict[str, Grounds]:
    """The grounds of each leaf of `answer` by its JSON Pointer. `offsets` tell where in its page each of `pages` begins."""
    assignment, leaves = Assignment(pages, {}), list(leaves_in(answer))
    standings = assignment.standings(leaves)
    found = {}
    for leaf in leaves:
        place = standings[leaf.path].place
        failed = tuple(name for name, passed in checks_of(leaf).items() if not passed)
        if place is None:
            found[leaf.path] = Grounds(leaf.value, None, failed, 0, 0.0)
            continue
        index, offset = assignment.indexes[place.page], offsets[place.page] if offsets else 0
        confidences = [word.confidence for word in index.words_between(place.start, place.end) if word.confidence is not None]
        span = (index.page.number, place.start + offset, place.end + offset)
        found[leaf.path] = Grounds(leaf.value, span, failed, assignment.labelled(leaf.key, place), min(confidences, default=1.0))
    return found
