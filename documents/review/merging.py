"""The parts of a long document as one answer.

A scalar is the best of what the parts say: grounded before not, checks passed before failed, with its key's words before
it, said by more parts, read more surely, earlier. Lists are joined: rows that stand at the same place of the document (the
parts overlap), or say the same without being an entry of an account, are one row.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from documents.parsed import Page
from documents.review.grounds import Grounds, grounds_of
from documents.review.parts import Part
from documents.skeleton import ListOf, Node, Record, Skeleton, pointer
from documents.values import fold, parse_amount, parse_date

_LONGEST_ENTRY = 40  # characters of an amount or a date


@dataclass(frozen=True, slots=True)
class _Said:
    """A value of one part: a scalar's grounds, a record by its keys, or the rows of a list."""

    part: int
    grounds: Grounds | None = None
    fields: dict[str, "_Said"] = field(default_factory=dict)
    rows: tuple["_Said", ...] = ()
    plain: Any = None


def merged(skeleton: Skeleton, parts: Sequence[Part], pages: Sequence[Page]) -> Any:
    """One answer in the skeleton's form from the parts in reading order; the only part's own value when there is one."""
    if len(parts) == 1:
        return parts[0].value
    numbered = {page.number: page for page in pages}
    said = []
    for number, part in enumerate(parts):
        answer, _ = skeleton.shape(part.value)
        offsets = [stretch.start for stretch in part.stretches if stretch.page in numbered]
        said.append(_said(skeleton.root, answer, "", number, grounds_of(answer, part.seen(numbered), offsets)))
    return _merged(skeleton.root, said, is_root=True)


def _said(node: Node, value: Any, path: str, part: int, grounds: Mapping[str, Grounds]) -> _Said:
    match node:
        case Record(fields) if isinstance(value, dict):
            return _Said(part, fields={key: _said(child, value[key], pointer(path, key), part, grounds) for key, child in fields})
        case ListOf(item) if isinstance(value, list):
            rows = (_said(item, row, pointer(path, index), part, grounds) for index, row in enumerate(value))
            return _Said(part, rows=tuple(rows))
    return _Said(part, grounds=grounds.get(path), plain=value)


def _merged(node: Node, said: Sequence[_Said], is_root: bool = False) -> Any:
    match node:
        case Record(fields):
            return {key: _merged(child, [one.fields[key] for one in said if key in one.fields]) for key, child in fields}
        case ListOf(item):
            alone = is_root and isinstance(item, Record) and all(len(one.rows) <= 1 for one in said)
            rows = _Rows(alone)
            for one in said:
                for row in one.rows:
                    rows.add(row)
            return [_merged(item, row) for row in rows.rows]
    return _best(said)


def _best(said: Sequence[_Said]) -> Any:
    votes = Counter(_content(one) for one in said)

    def rank(one: _Said) -> tuple[Any, ...]:
        grounds = one.grounds
        if grounds is None:  # any JSON value: the fullest
            return one.plain not in (None, [], {}), len(str(one.plain)), -one.part
        # Of true and false, true was seen somewhere; false only says that it is not in that part.
        known = grounds.value is not None, grounds.value is not False
        return *known, *grounds.sound, grounds.labelled, votes[_content(one)], grounds.confidence, -one.part

    return max(said, key=rank).plain if said else None


def _content(one: _Said) -> str:
    """What is said, however it is written; "" for nothing."""
    if one.fields:
        return "\x1f".join(_content(child) for child in one.fields.values())
    if one.rows:
        return "\x1e".join(map(_content, one.rows))
    return "" if one.plain in (None, [], {}) else " ".join(fold(str(one.plain)).split())


def _scalars(one: _Said, path: str = "") -> dict[str, _Said]:
    """The scalars of a row that say something, by their path in it; inner lists are left out."""
    if one.fields:
        return {name: leaf for key, child in one.fields.items() for name, leaf in _scalars(child, pointer(path, key)).items()}
    return {} if one.rows or one.plain in (None, [], {}) else {path: one}


def _identity(one: _Said) -> Any:
    """Two scalars with the same identity are the same print, or (where it is not printed) say the same."""
    grounds = one.grounds
    return grounds.span if grounds is not None and grounds.span is not None else _content(one)


def _is_entry(scalars: Mapping[str, _Said]) -> bool:
    """Whether a row has an amount or a date: two such rows that are alike may be two sales, two alike addresses are one."""
    for leaf in scalars.values():
        if isinstance(leaf.plain, (int, float)) and not isinstance(leaf.plain, bool):
            return True
        text = leaf.plain if isinstance(leaf.plain, str) and len(leaf.plain) <= _LONGEST_ENTRY else ""
        if text and (parse_date(text) or (("," in text or "." in text) and parse_amount(text) is not None)):
            return True
    return False


class _Rows:
    """The rows of one list, each as all that the parts say of it. `alone`: no part has more than one row, as when one
    object is asked for in a list; rows that agree more than they differ are then that object."""

    def __init__(self, alone: bool):
        self.rows: list[list[_Said]] = []
        self._alone = alone
        self._scalars: list[dict[str, _Said]] = []
        self._parts: list[set[int]] = []
        self._at: dict[tuple[str, Any], list[int]] = defaultdict(list)
        self._saying: dict[str, list[int]] = defaultdict(list)

    def add(self, row: _Said) -> None:
        scalars = _scalars(row)
        number = self._same(row, scalars)
        if number is None:
            number = len(self.rows)
            self.rows.append([])
            self._scalars.append({})
            self._parts.append(set())
        self.rows[number].append(row)
        self._parts[number].add(row.part)
        self._scalars[number] = scalars | self._scalars[number]
        for path, leaf in scalars.items():
            self._at[path, _identity(leaf)].append(number)
        self._saying[_content(row)].append(number)

    def _same(self, row: _Said, scalars: Mapping[str, _Said]) -> int | None:
        if self._alone:
            return next((number for number in range(len(self.rows)) if self._agree_more(number, scalars)), None)
        # The parts overlap only with their neighbours: the last rows at a place are the ones that can be the same.
        at_same_place = {number for path, leaf in scalars.items() for number in self._at[path, _identity(leaf)][-8:]}
        for number in sorted(at_same_place):
            if row.part not in self._parts[number] and not self._conflicts(number, scalars) and self._shares(number, scalars):
                return number
        if _is_entry(scalars):
            return None
        alike = self._saying[_content(row)]
        return next((number for number in alike if row.part not in self._parts[number]), None)

    def _conflicts(self, number: int, scalars: Mapping[str, _Said]) -> int:
        known = self._scalars[number]
        return sum(path in known and _identity(known[path]) != _identity(leaf) for path, leaf in scalars.items())

    def _shares(self, number: int, scalars: Mapping[str, _Said]) -> bool:
        known = self._scalars[number]
        shared = [leaf for path, leaf in scalars.items() if path in known and _identity(known[path]) == _identity(leaf)]
        printed = any(leaf.grounds is not None and leaf.grounds.span is not None for leaf in shared)
        return printed or len(shared) == len(scalars) == len(known)

    def _agree_more(self, number: int, scalars: Mapping[str, _Said]) -> bool:
        known = self._scalars[number]
        both = [path for path in scalars if path in known]
        agreeing = sum(_content(known[path]) == _content(scalars[path]) for path in both)
        return 2 * agreeing >= len(both)
