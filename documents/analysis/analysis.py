"""From the question to the raw answer: ask a model, judge what it said, ask again; or let the built-in finder answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.errors import DocumentTooLong, InvalidAnswer
from documents.analysis.judgement import Judgement, judge
from documents.analysis.prompts import answer_tokens, asked_again, estimated_tokens, messages
from documents.answers import Question, RawAnswer
from documents.finder.finding import Finding
from documents.parsed import Page
from documents.skeleton import AnswerWarning
from gateway.service import BUILTIN, Completion, Gateway, Target
from providers.types import ChatRequest, Message, Usage

MAX_ASKS = 3
_MIN_ANSWER_TOKENS = 256
_MAX_ANSWER_TOKENS = 16_384
_MAX_QUOTED_REPLY = 2000
_MAX_PROBLEMS = 5
_Asked = tuple[Message, ...]


@dataclass(slots=True)
class _Conversation:
    """The asks of one question to one model."""

    question: Question
    pages: Sequence[Page]
    gateway: Gateway
    target: Target
    api_key: str | None
    limit: int | None
    prompt_tokens: int = 0
    usage: Usage = Usage()
    asks: int = 0
    best: Judgement = field(default_factory=Judgement)
    best_reply: Completion | None = None

    async def run(self) -> RawAnswer:
        first = await asyncio.to_thread(self._prepare)
        asked, room = first, self._room(0, answer_tokens(self.question.skeleton))
        if room is None:
            raise self._too_long()
        while True:
            reply = await self._ask(asked, room)
            judgement = await asyncio.to_thread(judge, self.question.skeleton, reply)
            if judgement.better_than(self.best):
                self.best, self.best_reply = judgement, reply
            following = None if judgement.good or self.asks == MAX_ASKS else self._next(first, reply, judgement, room)
            if following is None:
                return self._answer(judgement)
            asked, room = following

    def _prepare(self) -> _Asked:
        question = self.question
        asked = messages(question.prompt, question.skeleton, question.example, self.pages)
        self.prompt_tokens = estimated_tokens(asked)
        return asked

    def _next(self, first: _Asked, reply: Completion, judgement: Judgement, room: int) -> tuple[_Asked, int] | None:
        """What to ask next and the tokens for its answer; None when asking again cannot help."""
        if judgement.partial and reply.finish_reason == "length":
            larger = self._room(0, min(room * 4, _MAX_ANSWER_TOKENS))
            # A second cut at the larger size, or no room for more: the same question would be cut again.
            return (first, larger) if larger is not None and larger > room and self.asks == 1 else None
        ends = ("It ends before the JSON does.",) if judgement.partial else ()
        problem = " ".join((*ends, *judgement.problems)[:_MAX_PROBLEMS])
        again = asked_again(first, self.question.prompt, reply.text[:_MAX_QUOTED_REPLY], problem)
        again_room = self._room(estimated_tokens(again[len(first) :]), room)
        return None if again_room is None else (again, again_room)

    def _room(self, more_tokens: int, wanted: int) -> int | None:
        """Tokens left for the answer, at most `wanted`; None when the context cannot hold the prompt (and `more_tokens`
        of it) and a short answer."""
        if self.limit is None:
            return wanted
        room = min(wanted, self.limit - self.prompt_tokens - more_tokens)
        return room if room >= min(wanted, _MIN_ANSWER_TOKENS) else None

    def _too_long(self) -> DocumentTooLong:
        needed = self.prompt_tokens + _MIN_ANSWER_TOKENS
        return DocumentTooLong(
            f"The document and the question need about {needed} tokens, but {self.target.model} reads at most {self.limit}.",
            hint=f"Choose a model with a longer context, or upload fewer than these {len(self.pages)} pages. Nothing was cut.",
        )

    async def _ask(self, asked: _Asked, room: int) -> Completion:
        structured = self.gateway.capabilities(self.target.provider).json_schema
        schema = self.question.skeleton.schema if structured else None
        request = ChatRequest(self.target.model, asked, schema=schema, max_tokens=room, api_key=self.api_key)
        reply = await self.gateway.complete(self.target, request)
        self.asks += 1
        self.usage += reply.usage
        return reply

    def _answer(self, last: Judgement) -> RawAnswer:
        reply = self.best_reply
        if reply is None or not self.best.usable:
            asks = "1 ask" if self.asks == 1 else f"{self.asks} asks"
            raise InvalidAnswer(
                f"{self.target.model} gave no JSON of the wanted shape in {asks}. {last.problems[0]}",
                hint="Try again with a larger model, a simpler Format-Response, or AI-Provider: builtin.",
            )
        warnings = self.best.warnings
        if self.best.partial:
            warnings += (AnswerWarning("answer_truncated", "", "The model's answer was cut off; values are missing at its end."),)
        # Another provider may have stepped in: the answer is said to be of the one that gave it.
        by = reply.target
        return RawAnswer(self.best.value, by.provider, by.model, reply.model_version, by.because, self.usage, self.asks, warnings)


class Document(Protocol):
    """The text of a read document; `documents.reasoning.StoredText` or a test's double."""

    async def pages(self) -> Sequence[Page]: ...

    async def find(self, question: Question) -> tuple[Any, dict[str, Finding]]: ...


async def _find(question: Question, document: Document, because: str) -> RawAnswer:
    value, findings = await document.find(question)
    return RawAnswer(value, BUILTIN, BUILTIN, None, because, Usage(), 0, (), findings)


async def analyse(
    question: Question,
    document: Document,
    *,
    gateway: Gateway,
    provider: str,
    model: str,
    api_key: str | None,
    priority: str,
) -> RawAnswer:
    """The raw answer of `provider` (a name, `auto` or `builtin`) to `question` about the document.

    Raises DocumentTooLong (nothing is ever cut to fit), InvalidAnswer when no ask gave JSON of the wanted shape, and
    whatever ProviderError the gateway raises.
    """
    if provider == BUILTIN:
        return await _find(question, document, "requested")
    target = await gateway.route(provider, model, api_key=api_key, priority=priority)
    if target is None:
        return await _find(question, document, "auto: no model provider can serve")
    limit = await gateway.context_limit(target, api_key)
    return await _Conversation(question, await document.pages(), gateway, target, api_key, limit).run()
