"""How a question is put to a model: at once where it fits, else by groups of fields over chunks of the document."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from core.errors import DocumentTooLong
from documents.analysis.chunks import Chunk, chunks_of, whole
from documents.analysis.conversation import LEAST_ROOM, Line
from documents.analysis.groups import groups_of
from documents.analysis.pictures import MAX_PICTURES
from documents.analysis.prompts import Shown, messages, neutralise
from documents.analysis.retrieval import likely, terms_of
from documents.analysis.tokens import LEAST_ANSWER, MOST_ANSWER, answer_tokens, estimated_tokens
from documents.answers import Question
from documents.parsed import Page
from providers.types import TOKENS_PER_IMAGE

#: Tokens of a document in one ask, at the least: smaller pieces tear apart what belongs together.
_LEAST_CHUNK = 256
#: What the prompt says of the part and of its pictures.
_TOKENS_PER_PART = 160
#: Share of a context that the answer may take.
_ANSWER_SHARE = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """`chunks` in the order in which they are asked, the likely ones first; each is asked for every group of fields.
    `pictured` are the numbers of the pages to be shown as pictures."""

    groups: tuple[Question, ...]
    chunks: tuple[Chunk, ...]
    pictured: frozenset[int]
    budget: int | None

    @property
    def in_one(self) -> bool:
        return len(self.chunks) == 1


def plan(question: Question, pages: Sequence[Page], pictured: Collection[int], line: Line) -> Plan:
    """Raises DocumentTooLong when the question alone leaves no room for a part of the document."""
    prompt = estimated_tokens(messages(question, Shown(pages))) + TOKENS_PER_IMAGE * len(pictured) + _pictures_told(pictured)
    wanted = min(answer_tokens(question.skeleton), line.output_limit or MOST_ANSWER)
    room = line.room(prompt, wanted)
    if len(pictured) <= MAX_PICTURES and room is not None and room >= max(min(wanted, LEAST_ROOM), wanted // 2):
        groups = _grouped(question, min(MOST_ANSWER, line.output_limit or MOST_ANSWER))
        return Plan(groups, (whole(pages),), frozenset(pictured), None)
    limit = line.limit or 1 << 20
    groups = _grouped(question, min(wanted, max(limit // _ANSWER_SHARE, LEAST_ANSWER)))
    asked = max(estimated_tokens(messages(group, Shown(()))) for group in groups) + _TOKENS_PER_PART
    answers = max(LEAST_ROOM, min(max(answer_tokens(group.skeleton) for group in groups), limit // _ANSWER_SHARE))
    budget = limit - asked - answers
    if budget < _LEAST_CHUNK:
        raise DocumentTooLong(
            f"The document and the question need about {prompt + LEAST_ROOM} tokens, but {line.target.model} reads at most "
            f"{limit}, and the question leaves no room for a part of the document.",
            hint="Choose a model with a longer context, or ask for fewer fields. Nothing was cut.",
        )
    if budget < 2 * TOKENS_PER_IMAGE:
        pictured = ()
    # Counted as they are sent: what is neutralised has the same length, and not the same number of bytes.
    sent = [replace(page, text=neutralise(page.text)) for page in pages]
    chunks = chunks_of(sent, budget, pictured)
    scores = likely(pages, terms_of(question))
    chunks.sort(key=lambda chunk: -max(scores[page] for page in chunk.pages))
    return Plan(groups, tuple(chunks), frozenset(pictured), budget)


def likely_pages(question: Question, pages: Sequence[Page], budget: int) -> list[Page]:
    """The pages that most likely hold what is asked, as many as fit, in reading order; [] when not even one fits."""
    scores, taken, room = likely(pages, terms_of(question)), set(), budget
    for page in sorted(pages, key=lambda one: -scores[one.number]):
        tokens = estimated_tokens(messages(question, Shown((page,)))) - estimated_tokens(messages(question, Shown(())))
        if scores[page.number] > 0 and tokens <= room:
            taken.add(page.number)
            room -= tokens
    return [page for page in pages if page.number in taken]


def in_reading_order(chunks: Mapping[Chunk, object], pages: Sequence[Page]) -> list[Chunk]:
    """The chunks by where they begin."""
    place = {page.number: number for number, page in enumerate(pages)}
    return sorted(chunks, key=lambda chunk: (place[chunk.stretches[0].page], chunk.stretches[0].start))


def _grouped(question: Question, budget: int) -> tuple[Question, ...]:
    return tuple(replace(question, skeleton=skeleton) for skeleton in groups_of(question.skeleton, budget))


def _pictures_told(pictured: Collection[int]) -> int:
    return _TOKENS_PER_PART if pictured else 0
