"""Two readings of one page made into one: where both saw something the surer one counts, and nothing that one saw is lost."""

from collections.abc import Iterator, Sequence

from documents.parsers.layout import Placed

KEPT_ALONE = 0.5  # confidence of a word that only the second reading saw
OVERLAP = 0.3  # of the smaller of two boxes: the same ink
GRAIN = 50.0  # pixels


def confidence(words: Sequence[Placed]) -> float:
    """Mean confidence by letter, 0..1; 0 when there are no words."""
    letters = sum(len(word.text) for word in words)
    return sum(len(word.text) * (word.confidence or 0.0) for word in words) / letters if letters else 0.0


def vote(first: Sequence[Placed], second: Sequence[Placed]) -> list[Placed]:
    """The words of both readings of one picture; words that share ink are decided together, for the surer reading.

    So `1 234,56` against `1.234,56` is one decision. Lines keep the words of one reading together: arrange them in rows.
    """
    lines = 1 + max((word.line for word in first), default=0)
    second = [word._replace(line=word.line + lines) for word in second]
    words = [*first, *second]
    parent = list(range(len(words)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for mine, other in _shared(first, second):
        parent[root(mine)] = root(len(first) + other)
    groups: dict[int, tuple[list[Placed], list[Placed]]] = {}
    for index, word in enumerate(words):
        groups.setdefault(root(index), ([], []))[index >= len(first)].append(word)
    return [word for mine, others in groups.values() for word in _surer(mine, others)]


def _surer(mine: list[Placed], others: list[Placed]) -> list[Placed]:
    if not mine:
        return [word for word in others if (word.confidence or 0.0) >= KEPT_ALONE and len(word.text) > 1]
    return mine if confidence(mine) >= confidence(others) else others


def _shared(first: Sequence[Placed], second: Sequence[Placed]) -> Iterator[tuple[int, int]]:
    """Pairs of words that stand on the same ink."""
    rows: dict[int, list[int]] = {}
    for index, word in enumerate(second):
        for row in range(int(word.y0 / GRAIN), int(word.y1 / GRAIN) + 1):
            rows.setdefault(row, []).append(index)
    for index, word in enumerate(first):
        near = {other for row in range(int(word.y0 / GRAIN), int(word.y1 / GRAIN) + 1) for other in rows.get(row, ())}
        yield from ((index, other) for other in near if _overlap(word, second[other]) > OVERLAP)


def _overlap(one: Placed, other: Placed) -> float:
    """The shared area as a part of the smaller box."""
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    down = min(one.y1, other.y1) - max(one.y0, other.y0)
    if across <= 0 or down <= 0:
        return 0.0
    smaller = min((word.x1 - word.x0) * (word.y1 - word.y0) for word in (one, other))
    return across * down / max(smaller, 1e-6)
