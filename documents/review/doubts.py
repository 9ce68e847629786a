"""What of an answer should be asked again, and what the answer to that may mend.

A value is doubtful when it does not stand in the document, when its check digits fail, or when values that belong together
contradict each other. Judgements are never doubtful: booleans, choices, and texts that somebody has to write.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from documents.answers import Question
from documents.evidence import AnswerLeaf, disagreements, leaves_in
from documents.finder.vocabulary import WRITTEN
from documents.finder.wanted import split_words
from documents.parsed import Page
from documents.review.grounds import Grounds, grounds_of
from documents.skeleton import AnswerWarning, Scalar, Skeleton, node_at, pointer

#: Values of one question that are asked for again: more of them wrong is a model that a second question does not mend.
MAX_DOUBTS = 20
#: A longer text is told in the model's own words more often than it is printed.
_MAX_COPIED = 200

Problem = Literal["ungrounded", "check_failed", "disagrees"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """`path` names the value; `detail` says of `check_failed` which checks, and of `disagrees` with what."""

    path: str
    problem: Problem
    value: Any
    detail: str = ""


def doubts(question: Question, value: Any, pages: Sequence[Page]) -> list[Doubt]:
    """The doubts about a raw answer in the order of the answer, at most MAX_DOUBTS."""
    answer, _ = question.skeleton.shape(value)
    grounds = grounds_of(answer, pages)
    found = {doubt.path: doubt for leaf in leaves_in(answer) for doubt in _about(leaf, grounds[leaf.path], question)}
    for disagreement in disagreements(answer):
        for path in disagreement.paths:
            found.setdefault(path, Doubt(path, "disagrees", None, disagreement.warning.message))
    return list(found.values())[:MAX_DOUBTS]


def _about(leaf: AnswerLeaf, grounds: Grounds, question: Question) -> Iterator[Doubt]:
    if grounds.failed:
        yield Doubt(leaf.path, "check_failed", leaf.value, ", ".join(grounds.failed))
    elif not grounds.grounded and _is_copied(leaf, question):
        yield Doubt(leaf.path, "ungrounded", leaf.value)


def _is_copied(leaf: AnswerLeaf, question: Question) -> bool:
    """Whether the value should be printed as it is, and not judged or written by the model."""
    node = node_at(question.skeleton.root, leaf.path)
    if not isinstance(node, Scalar) or node.choices or len(str(leaf.value)) > _MAX_COPIED:
        return False
    alone = len(question.skeleton.leaves()) == 1
    said = split_words(f"{leaf.key} {node.hint or ''} {question.prompt if alone else ''}")
    return WRITTEN.isdisjoint(said)


def amended(question: Question, value: Any, answers: Mapping[str, Any], pages: Sequence[Page]) -> tuple[Any, list[AnswerWarning]]:
    """The raw answer `value` in its form, with those of `answers` (by JSON Pointer) that are better than what it has, and
    what was lost in bringing it into the form.

    An answer is better when it is printed where the other was not, or passes the checks that the other failed; those to
    values that contradict each other are taken together, when they end the contradiction and are printed.
    """
    answer, warnings = question.skeleton.shape(value)
    before = grounds_of(answer, pages)
    answers = _fitting(question.skeleton, answers)
    after = grounds_of(_with(answer, answers), pages)
    better = {path: item for path, item in answers.items() if path in before and _is_better(path, before, after)}
    answer = _with(answer, better)
    for disagreement in disagreements(answer):
        told = {path: answers[path] for path in disagreement.paths if path in answers and _says_enough(answers[path])}
        for some in (told, *({path: item} for path, item in told.items())):
            tried = _with(answer, some)
            if some and disagreement.warning.path not in _disagreeing(tried) and _is_no_worse(tried, answer, pages):
                answer = tried
                break
    return answer, [warning for warning in warnings if not _mended(warning.path, better)]


def _says_enough(item: Any) -> bool:
    """Not what ends a contradiction by saying nothing: no value, or a list that has no sum."""
    return item is not None and not (isinstance(item, list) and len(item) < 2)


def _fitting(skeleton: Skeleton, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers in the form that their places want."""
    fitting = {}
    for path, item in answers.items():
        node = node_at(skeleton.root, path)
        if node is not None:
            fitting[path] = Skeleton.of(node).shape(item)[0]
    return fitting


def _is_better(path: str, before: Mapping[str, Grounds], after: Mapping[str, Grounds]) -> bool:
    there = after.get(path)
    return there is not None and there.value is not None and there.grounded and there.sound > before[path].sound


def _disagreeing(answer: Any) -> set[str]:
    return {disagreement.warning.path for disagreement in disagreements(answer)}


def _is_no_worse(tried: Any, answer: Any, pages: Sequence[Page]) -> bool:
    def unsound(one: Any) -> int:
        return sum(grounds.sound != (True, True) for grounds in grounds_of(one, pages).values())

    return unsound(tried) <= unsound(answer)


def _mended(path: str, better: Mapping[str, Any]) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in better)


def _with(value: Any, answers: Mapping[str, Any], path: str = "") -> Any:
    """`value` with the parts of it that `answers` name exchanged."""
    if path in answers:
        return answers[path]
    if isinstance(value, dict):
        return {key: _with(item, answers, pointer(path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_with(item, answers, pointer(path, index)) for index, item in enumerate(value)]
    return value
