"""The formatting stage: the raw answer in exactly the wanted form, with the evidence of each value. Pure and total."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from documents.answers import Question, RawAnswer
from documents.evidence import AnswerLeaf, crosschecks, edges_are_whole, leaves_in, locate, normalise
from documents.parsed import Page
from documents.skeleton import AnswerWarning

MAX_WARNINGS = 500
_MIN_COPIED = 3


@dataclass(frozen=True, slots=True)
class Formatted:
    """`answer` has the skeleton's keys in its order; `evidence` and `warnings` are as `GET /response/{id}` shows them."""

    answer: Any
    evidence: dict[str, dict[str, Any]]
    warnings: list[dict[str, str]]


def format_answer(raw: RawAnswer, question: Question, pages: Sequence[Page]) -> Formatted:
    """The answer that is shown. Never raises for what `RawAnswer.from_json` accepts.

    Warnings: those of the model stage, what shaping dropped or missed, `ungrounded` (kept, but not found in the document),
    `copied_from_example`, `check_failed`, `sum_differs`, `amount_differs`; `more_warnings` stands for those after the 500th.
    """
    answer, shaped = question.skeleton.shape(raw.value)
    evidence = locate(answer, pages, raw.findings)
    example = _Example(question)
    found = [*raw.warnings, *shaped]
    for leaf in leaves_in(answer):
        found.extend(_warnings(leaf, evidence[leaf.path], example))
    found.extend(crosschecks(answer))
    if len(found) > MAX_WARNINGS:
        found[MAX_WARNINGS:] = [AnswerWarning("more_warnings", "", f"{len(found) - MAX_WARNINGS} more warnings are not shown.")]
    return Formatted(answer, evidence, [warning.to_dict() for warning in found])


def _warnings(leaf: AnswerLeaf, entry: dict[str, Any], example: "_Example") -> Iterator[AnswerWarning]:
    if entry["grounded"] is False:
        yield AnswerWarning("ungrounded", leaf.path, "This value was not found in the document.")
        if example.holds(leaf.value):
            message = "This value is in the Example or the skeleton, and not in the document."
            yield AnswerWarning("copied_from_example", leaf.path, message)
    for name, passed in entry["checks"].items():
        if not passed:
            yield AnswerWarning("check_failed", leaf.path, f"The value does not pass the check {name}.")


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
