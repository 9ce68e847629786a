"""The built-in field finder: no model, no guess. It walks the skeleton and fills each leaf from the pages, or with null."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from documents.finder.choice import Pick, choose, every
from documents.finder.finding import Finding
from documents.finder.rows import Row, asks_for_lines, table_rows
from documents.finder.view import View
from documents.finder.wanted import Wanted, resolve
from documents.parsed import Page
from documents.skeleton import Leaf, ListOf, Node, Record, Scalar, Skeleton, leaves_of, pointer
from documents.values import digits, fold, parse_amount

_MAX_LIST = 1000


class _Search:
    """One question to one document; `findings` grows while `fill` walks the skeleton."""

    def __init__(self, skeleton: Skeleton, question: str, pages: Sequence[Page]) -> None:
        self.views = [View(page) for page in pages]
        self.question = question
        self.alone = len(skeleton.leaves()) == 1
        self.findings: dict[str, Finding] = {}

    def fill(self, node: Node, path: str, keys: tuple[str, ...]) -> Any:
        """The answer for `node`; `path` is its JSON Pointer, `keys` the object keys from the root."""
        match node:
            case Scalar():
                leaf = Leaf(path, keys[-1] if keys else "", keys[:-1], node.type, node.hint, node.choices)
                wanted = self._wanted(leaf)
                return self._put(path, leaf, choose(self.views, wanted) if wanted else None, wanted)
            case Record(fields):
                return {key: self.fill(child, pointer(path, key), (*keys, key)) for key, child in fields}
            case ListOf(item):
                return self._fill_list(item, path, keys)
        return None

    def _wanted(self, leaf: Leaf) -> Wanted | None:
        return None if leaf.type == "boolean" else resolve(leaf, self.question, self.alone)

    def _fill_list(self, item: Node, path: str, keys: tuple[str, ...]) -> list[Any]:
        leaves = list(leaves_of(item, "", keys))
        flat = isinstance(item, Record) and all(isinstance(child, Scalar) for _, child in item.fields)
        if isinstance(item, Scalar) or (flat and len(leaves) == 1):
            return self._every(item, leaves[0], path)
        lines = bool(keys) or asks_for_lines(leaves, self.question)
        if flat and (rows := table_rows(self.views, leaves, drawn=lines)):
            return [self._row(row, item, leaves, f"{path}/{place}") for place, row in enumerate(rows[:_MAX_LIST])]
        if lines or isinstance(item, ListOf):
            return []
        # A list at the root with one object stands for one document.
        before = len(self.findings)
        only = self.fill(item, f"{path}/0", keys)
        return [only] if len(self.findings) > before else []

    def _every(self, item: Node, leaf: Leaf, path: str) -> list[Any]:
        """A list of one thing: all distinct values of its kind."""
        wanted = self._wanted(leaf)
        found: list[Any] = []
        for pick in every(self.views, wanted)[:_MAX_LIST] if wanted else []:
            at = pointer(path, len(found))
            value = self._put(f"{at}{leaf.path}", leaf, pick, wanted)
            if value is not None:
                found.append({item.fields[0][0]: value} if isinstance(item, Record) else value)
        return found

    def _row(self, row: Row, item: Node, leaves: Sequence[Leaf], path: str) -> dict[str, Any]:
        answer = {}
        for leaf, cell in zip(leaves, row.cells, strict=True):
            pick = Pick(row.view, cell.start, cell.end, 1.0) if cell is not None else None
            answer[leaf.key] = self._put(f"{path}{leaf.path}", leaf, pick, None)
        return answer

    def _put(self, path: str, leaf: Leaf, pick: Pick | None, wanted: Wanted | None) -> Any:
        """The value of a pick in the leaf's type, noted as a finding; None when it does not fit the type."""
        if pick is None:
            return None
        value = _typed(leaf, pick.text, wanted.kind if wanted else None)
        if value is not None:
            self.findings[path] = Finding(value, pick.view.page.number, pick.start, pick.end)
        return value


def _typed(leaf: Leaf, text: str, kind: str | None) -> str | int | float | None:
    if leaf.choices:
        return next((choice for choice in leaf.choices if fold(choice) == fold(text)), None)
    if leaf.type not in ("number", "integer"):
        return text
    if kind in ("code", "digits", "cnpj", "cpf", "cpf_cnpj", "access_key", "cep", "phone"):
        number = Decimal(digits(text)) if digits(text) and not any(character.isalpha() for character in text) else None
    else:
        number = parse_amount(text)
    if number is None:
        return None
    if number == number.to_integral_value():
        return int(number)
    return float(number) if leaf.type == "number" else None


def find(skeleton: Skeleton, question: str, pages: Sequence[Page]) -> tuple[Any, dict[str, Finding]]:
    """The answer in the skeleton's shape and where each of its values stands, keyed by JSON Pointer (`/0/CNPJ`).

    What is not found is null, an absent list `[]`. Strings are as printed (blanks collapsed), numbers are read from what is
    printed; nothing is made up. Deterministic; never raises for any pages.
    """
    search = _Search(skeleton, question, pages)
    answer = search.fill(skeleton.root, "", ())
    return answer, search.findings
