"""Which place each value of an answer takes, when the same text is printed in several.

The values of a row stand in one line of the document where they can; repeated values take their places in reading order.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from documents.evidence.matching import Match, Matcher, MatchKind, Place
from documents.finder.finding import Finding
from documents.parsed import Page
from documents.skeleton import pointer
from documents.values import fold

_LABEL_REACH = 120
_MAX_ANCHORS = 8
_LINE, _FAR = 1000, 1 << 40
Line = tuple[int, int]  # index of the page, number of the line on it


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


@dataclass(frozen=True, slots=True)
class Standing:
    """How a value stands in the document and where; `place` is None for a value that does not."""

    kind: MatchKind
    place: Place | None


class Assignment:
    """Gives each leaf its own place. A value that stands in several places takes, in a list, the free place nearest to
    the values of its row that stand in one place only, or else on the line that holds most of its row; elsewhere the free
    place with the key's words before it."""

    def __init__(self, pages: Sequence[Page], findings: Mapping[str, Finding]):
        self._matcher = Matcher(pages)
        self._findings = findings
        self._index_of = {page.number: index for index, page in enumerate(pages)}
        self._used: set[Place] = set()
        self._last: Line = (0, -1)
        self.indexes = self._matcher.indexes

    def standings(self, leaves: Sequence[AnswerLeaf]) -> dict[str, Standing]:
        """Of every leaf by its path; `none` for what cannot be grounded."""
        found = {leaf.path: self._found(leaf) for leaf in leaves if can_be_grounded(leaf.value)}
        anchors: dict[str, list[Place]] = defaultdict(list)
        rows: dict[str, list[Match]] = defaultdict(list)
        for leaf in leaves:
            match = found.get(leaf.path)
            if match is not None and match.places:
                rows[leaf.above].append(match)
                if len(match.places) == 1:
                    anchors[leaf.above].append(match.places[0])
        standings = {}
        for leaf in leaves:
            match = found.get(leaf.path)
            place = None
            if match is not None and match.places:
                if leaf.listed and not anchors[leaf.above] and len(rows[leaf.above]) > 1:
                    anchors[leaf.above] = self._line_of_most(rows[leaf.above])
                place = self._choose(leaf, match, anchors[leaf.above])
            standings[leaf.path] = Standing(match.kind if match is not None else "none", place)
        return standings

    def labelled(self, key: str, place: Place) -> int:
        """How many words of `key` stand shortly before `place`."""
        return self._label_score(_words_of(key), place)

    def _found(self, leaf: AnswerLeaf) -> Match:
        finding = self._findings.get(leaf.path)
        index = self._index_of.get(finding.page) if finding is not None else None
        if finding is not None and index is not None:
            printed = self.indexes[index].page.text[max(finding.start, 0) : max(finding.end, 0)]
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

    def _line_of_most(self, row: Iterable[Match]) -> list[Place]:
        """The first free place on the line that holds most values of a row; of equals the next one after the last row's."""
        at: dict[Line, Place] = {}
        count: Counter[Line] = Counter()
        for match in row:
            lines = {}
            for place in match.places:
                if place not in self._used:
                    lines.setdefault(self._line(place), place)
            count.update(lines.keys())
            at = lines | at
        if not count:
            return []
        most = max(count.values())
        self._last = min((line for line in count if count[line] == most), key=lambda line: (line <= self._last, line))
        return [at[self._last]]

    def _line(self, place: Place) -> Line:
        return place.page, self.indexes[place.page].line_at(place.start)

    def _distance(self, anchor: Place, place: Place) -> int:
        """How far `place` is from `anchor` as a reader goes: on along the line, then down, and back last."""
        if anchor.page != place.page:
            return _FAR + abs(anchor.page - place.page)
        first, last = sorted((anchor, place))
        gap = last.start - first.start
        other_line = gap >= _LINE or self._line(first) != self._line(last)
        return (gap if first is anchor else 2 * gap) + (_LINE if other_line else 0)

    def _label_score(self, words: list[str], place: Place) -> int:
        before = self.indexes[place.page].folded[max(place.start - _LABEL_REACH, 0) : place.start]
        return sum(word in before for word in words)


def _words_of(key: str) -> list[str]:
    spaced = "".join(f" {character}" if character.isupper() else character if character.isalnum() else " " for character in key)
    words = {word for text in (spaced, key.replace("_", " ")) for word in fold(text).split() if len(word) > 2}
    return sorted(words)
