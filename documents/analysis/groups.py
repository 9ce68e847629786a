"""A wide skeleton in groups of fields whose answers fit, and their answers as one."""

from itertools import zip_longest
from typing import Any

from documents.analysis.tokens import answer_size
from documents.skeleton import ListOf, Node, Record, Skeleton


def groups_of(skeleton: Skeleton, budget: int) -> list[Skeleton]:
    """Skeletons that together ask for everything, in order, each with an answer of about `budget` tokens at most.

    Only objects are divided, never the rows of a list (they could not be put together again), except for the outermost
    list, in which most questions want one object.
    """
    if answer_size(skeleton.root) <= budget:
        return [skeleton]
    roots = _divided(skeleton.root, budget, is_root=True)
    return [skeleton] if len(roots) == 1 else [Skeleton.of(root) for root in roots]


def _divided(node: Node, budget: int, *, is_root: bool = False) -> list[Node]:
    if is_root and isinstance(node, ListOf) and isinstance(node.item, Record):
        return [ListOf(item) for item in _divided(node.item, budget // 2)]
    if not isinstance(node, Record):
        return [node]
    groups: list[list[tuple[str, Node]]] = [[]]
    room = budget
    for key, child in node.fields:
        for part in _divided(child, budget):
            size = answer_size(part, key, is_root=False)
            # Parts of one object have the same key: they belong to different groups.
            if groups[-1] and (size > room or groups[-1][-1][0] == key):
                groups.append([])
                room = budget
            groups[-1].append((key, part))
            room -= size
    return [Record(tuple(group)) for group in groups]


def joined(answers: list[Any]) -> Any:
    """The answers to the groups of one skeleton as one: objects key by key, rows by their place."""
    whole = None
    for answer in answers:
        whole = _overlaid(whole, answer)
    return whole


def _overlaid(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _overlaid(one.get(key), other.get(key)) for key in (one | other)}
    if isinstance(one, list) and isinstance(other, list):
        return [_overlaid(first, second) for first, second in zip_longest(one, other)]
    return one if other is None else other
