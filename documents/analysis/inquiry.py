"""One question about one document, put to a model: all parts of the plan, then once more for what is doubtful."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.clock import Clock
from core.errors import DocumentError, DocumentTooLong, InvalidAnswer, ModelOutOfMemory, ProviderError, SandboxUnavailable
from core.logs import get_logger
from documents.analysis.chunks import Chunk, halves
from documents.analysis.conversation import Line, Reply, converse
from documents.analysis.document import Document
from documents.analysis.groups import joined
from documents.analysis.pictures import drawn
from documents.analysis.planning import Plan, in_reading_order, likely_pages
from documents.analysis.prompts import Shown, messages
from documents.analysis.tokens import answer_tokens, estimated_tokens
from documents.answers import Question, RawAnswer
from documents.parsed import Page, ranges
from documents.review import Doubt, Part
from documents.skeleton import AnswerWarning, ListOf, Record, Skeleton, node_at

#: Asks of one document. A book of 500 pages takes about 40 with a context of 8,192 tokens; what takes more is not worth
#: the hours that a local model needs for it.
MAX_ASKS_A_JOB = 64
#: A prompt that does not fit the memory is halved down to this.
_SMALL_PROMPT = 8192

log = get_logger()
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """Parts are asked for `seconds` at most, the slowest one reckoned again for the next: what is left is then reported,
    where the stage's own deadline would lose everything."""

    seconds: float = float("inf")
    clock: Clock = Clock()

    def since(self, started: float) -> "Patience":
        """What is left of it, when it began at `started` of its clock."""
        return replace(self, seconds=self.seconds - (self.clock.monotonic() - started))


@dataclass(slots=True)
class Inquiry:
    """Runs once; see `run`."""

    question: Question
    document: Document
    pages: Sequence[Page]
    plan: Plan
    line: Line
    patience: Patience
    on_progress: Progress
    replies: dict[Chunk, list[Reply]] = field(default_factory=dict)
    unseen: list[Chunk] = field(default_factory=list)
    shown: set[int] = field(default_factory=set)
    _pages: dict[int, Page] = field(init=False)
    _ends_at: float = field(init=False)
    _slowest: float = 0.0

    def __post_init__(self) -> None:
        self._pages = {page.number: page for page in self.pages}
        self._ends_at = self.patience.clock.monotonic() + self.patience.seconds

    async def run(self) -> RawAnswer:
        """Raises InvalidAnswer when no part gave JSON of the wanted form, and what the gateway raises."""
        await self._ask_all()
        order = in_reading_order(self.replies, self.pages)
        parts = [Part(chunk.stretches, joined([reply.judgement.value for reply in self.replies[chunk]])) for chunk in order]
        value, doubts = await self._weighed(parts)
        judgements = [reply.judgement for chunk in order for reply in self.replies[chunk]]
        warnings = [warning for judgement in judgements for warning in judgement.warnings]
        if any(judgement.partial for judgement in judgements):
            message = "The model's answer was cut off; values are missing at its end."
            warnings.append(AnswerWarning("answer_truncated", "", message))
        # A model that did not mend what it was told in three asks will not mend it in a fourth.
        elif doubts and any(judgement.good for judgement in judgements) and self._can_go_on():
            value, lost = await self._ask_again(value, doubts)
            warnings += lost
        warnings += self._unseen_pages()
        # Another provider may have stepped in: the answer is said to be of the one that gave it.
        last = self.replies[order[0]][0].completion
        by = last.target
        return RawAnswer(
            value, by.provider, by.model, last.model_version, by.because, self.line.usage, self.line.asks,
            tuple(dict.fromkeys(warnings)), pictured=tuple(sorted(self.shown)),
        )  # fmt: skip

    async def _weighed(self, parts: Sequence[Part]) -> tuple[Any, list[Doubt]]:
        try:
            return await self.document.weigh(self.question, parts)
        except (DocumentError, SandboxUnavailable) as error:
            if len(parts) > 1:
                raise
            # An answer was paid for: the formatting stage, which needs the same process, is repeated at no cost.
            log.warning("analysis.not_weighed", code=error.code)
            return parts[0].value, []

    async def _ask_all(self) -> None:
        waiting, failure = list(self.plan.chunks), None
        while waiting:
            chunk = waiting.pop(0)
            if (self.replies or failure) and not self._can_go_on():
                self.unseen.append(chunk)
                continue
            started = self.patience.clock.monotonic()
            try:
                replies = [await self._ask(group, chunk) for group in self.plan.groups]
            except (DocumentTooLong, ModelOutOfMemory) as error:
                waiting[:0] = self._smaller(chunk, error)
                continue
            except InvalidAnswer as error:
                failure = error
                self.unseen.append(chunk)
                continue
            if any(reply.cut for reply in replies) and (smaller := self._halves(chunk)):
                waiting[:0] = smaller
                continue
            self._slowest = max(self._slowest, self.patience.clock.monotonic() - started)
            self.replies[chunk] = replies
            self._tell()
        if not self.replies:
            raise failure or InvalidAnswer("The model gave no answer in time.")

    async def _ask(self, group: Question, chunk: Chunk) -> Reply:
        pages = [stretch.of(self._pages[stretch.page]) for stretch in chunk.stretches]
        total = len(self.pages) if self._is_part(chunk) else None
        asked, tokens = await self._messages(group, pages, total)
        return await self._converse(group, asked, tokens)

    async def _messages(
        self, question: Question, pages: Sequence[Page], total: int | None, doubts: Mapping[str, Doubt] | None = None
    ) -> tuple[tuple[Any, ...], int]:
        wanted = {page.number: page for page in pages if page.number in self.plan.pictured}
        pictures = await drawn(self.document.draw, wanted.values())
        self.shown |= pictures.keys()
        asked = await asyncio.to_thread(messages, question, Shown(pages, pictures, total), doubts)
        return asked, await asyncio.to_thread(estimated_tokens, asked)

    async def _converse(self, question: Question, asked: tuple[Any, ...], tokens: int) -> Reply:
        room = self.line.room(tokens, answer_tokens(question.skeleton))
        if room is None:
            hint = "Choose a model with a longer context, or upload fewer pages. Nothing was cut."
            raise DocumentTooLong(f"A part of the document does not fit {self.line.target.model}.", hint=hint)
        return await converse(self.line, question, asked, room)

    def _is_part(self, chunk: Chunk) -> bool:
        whole = {(page.number, 0, len(page.text)) for page in self.pages}
        return whole != set(chunk.stretches)

    def _smaller(self, chunk: Chunk, error: ProviderError) -> list[Chunk]:
        """The estimate was too small, or the memory is: the same in smaller pieces. Raises `error` when that cannot help."""
        small = isinstance(error, ModelOutOfMemory) and 0 < chunk.tokens <= _SMALL_PROMPT
        smaller = [] if small else self._halves(chunk)
        if not smaller:
            raise error
        log.info("analysis.smaller_parts", code=error.code, pages=len(set(chunk.pages)))
        return smaller

    def _halves(self, chunk: Chunk) -> list[Chunk]:
        return halves(chunk, self._pages) if self._can_go_on() else []

    def _can_go_on(self) -> bool:
        in_time = self.patience.clock.monotonic() + self._slowest <= self._ends_at
        return in_time and self.line.asks < MAX_ASKS_A_JOB

    def _tell(self) -> None:
        self.on_progress(len(self.pages) - len(self._missing(self.plan.chunks)), len(self.pages))

    def _missing(self, wanted: Iterable[Chunk]) -> set[int]:
        """The pages of `wanted` that no model has read whole."""
        seen = {stretch for chunk in self.replies for stretch in chunk.stretches}
        missing = set()
        for stretch in (stretch for chunk in wanted for stretch in chunk.stretches):
            reached = stretch.start
            for one in sorted(one for one in seen if one.page == stretch.page):
                reached = max(reached, one.end) if one.start <= reached else reached
            if reached < stretch.end or not any(one.page == stretch.page for one in seen):
                missing.add(stretch.page)
        return missing

    def _unseen_pages(self) -> list[AnswerWarning]:
        missing = self._missing(self.unseen)
        if not missing:
            return []
        message = f"The model did not see the pages {ranges(missing)} of {len(self.pages)}; values may be missing."
        return [AnswerWarning("pages_unseen", "", message)]

    async def _ask_again(self, value: Any, doubts: Sequence[Doubt]) -> tuple[Any, list[AnswerWarning]]:
        """The answer after one more question about what is doubtful; the same when nothing better comes of it."""
        asked_for = _keyed(self.question.skeleton, doubts, with_lists=self.plan.in_one)
        if not asked_for:
            return value, []
        fields = tuple((key, node_at(self.question.skeleton.root, doubt.path)) for key, doubt in asked_for.items())
        question = replace(self.question, skeleton=Skeleton.of(Record(fields)), example=None)
        pages: Sequence[Page] = self.pages
        if self.plan.budget is not None:
            pages = await asyncio.to_thread(likely_pages, question, self.pages, self.plan.budget // 2)
        if not pages:
            return value, []
        total = None if len(pages) == len(self.pages) else len(self.pages)
        try:
            asked, tokens = await self._messages(question, pages, total, asked_for)
            reply = await self._converse(question, asked, tokens)
        except ProviderError as error:
            log.info("analysis.not_asked_again", code=error.code)
            return value, []
        said, _ = question.skeleton.shape(reply.judgement.value)
        answers = {doubt.path: said[key] for key, doubt in asked_for.items()}
        return await self.document.amend(self.question, value, answers)


def _keyed(skeleton: Skeleton, doubts: Sequence[Doubt], *, with_lists: bool) -> dict[str, Doubt]:
    """The doubts by a key of their own: the value's own key where no other has it, else its whole path."""
    keys = [doubt.path.rpartition("/")[2].replace("~1", "/").replace("~0", "~") for doubt in doubts]
    keyed = {}
    for key, doubt in zip(keys, doubts, strict=True):
        node = node_at(skeleton.root, doubt.path)
        if node is None or (isinstance(node, ListOf) and not with_lists):
            continue
        unique = keys.count(key) == 1 and not key.isdecimal()
        keyed[key if unique else doubt.path.removeprefix("/")] = doubt
    return keyed
