"""What one reply of a model is worth."""

from dataclasses import dataclass
from functools import reduce
from typing import Any

from jsonschema import Draft202012Validator

from documents.analysis.replies import NoAnswer, parse_reply
from documents.skeleton import LOSSES, AnswerWarning, Skeleton, pointer
from providers.types import ChatReply

_MAX_VIOLATIONS = 5


@dataclass(frozen=True, slots=True)
class Judgement:
    """`usable` is false when nothing of the wanted form could be read; `problems` are said to the model."""

    value: Any = None
    usable: bool = False
    partial: bool = False
    problems: tuple[str, ...] = ()
    warnings: tuple[AnswerWarning, ...] = ()

    @property
    def good(self) -> bool:
        return self.usable and not self.partial and not self.problems

    def better_than(self, other: "Judgement") -> bool:
        """Whole before partial before unusable; then the one with fewer problems."""

        def rank(one: Judgement) -> tuple[bool, bool, int]:
            return one.usable, one.usable and not one.partial, -len(one.problems)

        return rank(self) > rank(other)


def judge(skeleton: Skeleton, reply: ChatReply) -> Judgement:
    """Reads a reply; pure, and slow for a long one (run it off the event loop)."""
    cut = reply.finish_reason == "length"
    try:
        parsed = parse_reply(reply.text, cut=cut, fits=lambda value: skeleton.shaped_if_fits(value) is not None)
    except NoAnswer as error:
        filtered = "The provider filtered it." if reply.finish_reason == "filtered" else str(error)
        return Judgement(partial=cut, problems=(filtered,))
    shaped = skeleton.shaped_if_fits(parsed.value)
    if shaped is None:
        return Judgement(partial=parsed.partial, problems=("It has not the wanted shape: no wanted key is where it belongs.",))
    answer, losses = shaped
    violations = _violations(skeleton, answer)
    problems = [f"{loss.path or 'The answer'}: {loss.message}" for loss in losses if loss.code in LOSSES]
    problems += [f"{violation.path or 'The answer'}: {violation.message}" for violation in violations]
    if parsed.repaired:
        violations.insert(0, AnswerWarning("json_repaired", "", "The model's answer was not valid JSON and was repaired."))
    return Judgement(parsed.value, True, parsed.partial, tuple(problems), tuple(violations))


def _violations(skeleton: Skeleton, answer: Any) -> list[AnswerWarning]:
    found = []
    for error in Draft202012Validator(skeleton.schema).iter_errors(answer):
        path = reduce(pointer, error.absolute_path, "")
        found.append(AnswerWarning("schema_violation", path, f"The value breaks the schema's rule `{error.validator}`."))
        if len(found) == _MAX_VIOLATIONS:
            break
    return found
