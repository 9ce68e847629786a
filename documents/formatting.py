"""The formatting stage: the raw answer in exactly the wanted form, with the evidence of each value. Pure and total."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from documents.answers import Question, RawAnswer
from documents.evidence import AnswerLeaf, crosschecks, edges_are_whole, leaves_in, locate, normalise
from documents.finder.vocabulary import WRITTEN
from documents.finder.wanted import resolve, split_words
from documents.parsed import Page, ranges
from documents.review.completeness import incomplete
from documents.skeleton import AnswerWarning, Leaf, ListOf, Node, Record, Scalar, leaves_of, pointer

MAX_WARNINGS = 500
_MIN_COPIED = 3
#: Largest integer that every JSON reader keeps exactly (RFC 8259 §6).
_SAFE_INTEGER = 2**53
_NO_TABLE = "The built-in finder does not read this kind of table; ask a model."
_NO_WRITING = "The built-in finder only copies what is printed beside a label; ask a model."


@dataclass(frozen=True, slots=True)
class Formatted:
    """`answer` has the skeleton's keys in its order; `evidence` and `warnings` are as `GET /response/{id}` shows them."""

    answer: Any
    evidence: dict[str, dict[str, Any]]
    warnings: list[dict[str, str]]


def format_answer(raw: RawAnswer, question: Question, pages: Sequence[Page]) -> Formatted:
    """The answer that is shown. Never raises for what `RawAnswer.from_json` accepts.

    Warnings: those of the model stage, what shaping dropped or missed, `ungrounded` (kept, but not found in the document),
    `copied_from_example`, `check_failed`, `sum_differs`, `amount_differs`, `due_date_differs`, `list_incomplete`,
    `not_searched` (the built-in finder cannot look for it); `more_warnings` stands for those after the 500th.
    """
    answer, shaped = question.skeleton.shape(raw.value)
    if not question.skeleton.from_schema:
        answer = _numbers_as_asked(json.loads(question.skeleton.text.removeprefix("\ufeff")), answer)
    evidence = locate(answer, pages, raw.findings)
    example = _Example(question)
    found = [*raw.warnings, *shaped]
    if raw.findings is not None:
        found.extend(_not_searched(question, question.skeleton.root, answer, "", ()))
    for leaf in leaves_in(answer):
        found.extend(_warnings(leaf, evidence[leaf.path], example, raw.pictured))
    found.extend(crosschecks(answer))
    found.extend(incomplete(answer, pages))
    if len(found) > MAX_WARNINGS:
        found[MAX_WARNINGS:] = [AnswerWarning("more_warnings", "", f"{len(found) - MAX_WARNINGS} more warnings are not shown.")]
    return Formatted(answer, evidence, [warning.to_dict() for warning in found])


def _warnings(leaf: AnswerLeaf, entry: dict[str, Any], example: "_Example", pictured: Sequence[int]) -> Iterator[AnswerWarning]:
    if entry["grounded"] is False:
        seen = f" in its text; the model also saw pictures of the pages {ranges(pictured)}" if pictured else ""
        yield AnswerWarning("ungrounded", leaf.path, f"This value was not found in the document{seen}.")
        if example.holds(leaf.value):
            message = "This value is in the Example or the skeleton, and not in the document."
            yield AnswerWarning("copied_from_example", leaf.path, message)
    for name, passed in entry["checks"].items():
        if not passed:
            yield AnswerWarning("check_failed", leaf.path, f"The value does not pass the check {name}.")


def _numbers_as_asked(placeholder: Any, answer: Any) -> Any:
    """`answer` with the numbers of a `0.0` as floats and the whole ones of a `0` as integers."""
    if isinstance(placeholder, dict) and isinstance(answer, dict):
        return {key: _numbers_as_asked(placeholder.get(key), value) for key, value in answer.items()}
    if isinstance(placeholder, list) and isinstance(answer, list):
        return [_numbers_as_asked(placeholder[0] if placeholder else None, value) for value in answer]
    if isinstance(answer, bool) or not isinstance(answer, (int, float)) or abs(answer) > _SAFE_INTEGER:
        return answer
    if isinstance(placeholder, float):
        return float(answer)
    whole = isinstance(placeholder, int) and not isinstance(placeholder, bool) and answer == int(answer)
    return int(answer) if whole else answer


def _not_searched(question: Question, node: Node, answer: Any, path: str, keys: tuple[str, ...]) -> Iterator[AnswerWarning]:
    """What the built-in finder cannot look for: lists of objects without a table that it reads, judgements, texts to write."""
    match node:
        case Record(fields) if isinstance(answer, dict):
            for key, child in fields:
                yield from _not_searched(question, child, answer.get(key), pointer(path, key), (*keys, key))
        case ListOf(item):
            if not answer and sum(1 for _ in leaves_of(item)) > 1:
                yield AnswerWarning("not_searched", path, _NO_TABLE)
            elif answer and len(answer) == 1:
                yield from _not_searched(question, item, answer[0], f"{path}/0", keys)
        case Scalar() if answer is None and _needs_a_writer(question, node, keys):
            yield AnswerWarning("not_searched", path, _NO_WRITING)


def _needs_a_writer(question: Question, node: Scalar, keys: tuple[str, ...]) -> bool:
    if node.type == "boolean":
        return True
    leaf = Leaf("", keys[-1] if keys else "", keys[:-1], node.type, node.hint, node.choices)
    alone = len(question.skeleton.leaves()) == 1
    said = split_words(f"{leaf.key} {leaf.hint or ''} {question.prompt if alone else ''}")
    return bool(WRITTEN.intersection(said)) or resolve(leaf, question.prompt, alone) is None


class _Example:
    """What a model may have copied instead of reading: the Example's values and the placeholders of the skeleton."""

    def __init__(self, question: Question):
        self._text = normalise(question.example or "")
        self._values = {normalise(leaf.hint) for leaf in question.skeleton.leaves() if leaf.hint}
        try:
            self._values |= {normalise(str(leaf.value)) for leaf in leaves_in(json.loads(question.example or "null"))}
        except (ValueError, RecursionError):
            # Not JSON: its words are searched instead.
            return

    def holds(self, value: Any) -> bool:
        wanted = normalise(str(value))
        if not wanted:
            return False
        position = self._text.find(wanted) if len(wanted) >= _MIN_COPIED else -1
        return wanted in self._values or (position >= 0 and edges_are_whole(self._text, position, position + len(wanted)))
