"""One question over one piece of a document: ask, judge, ask again, until the answer is good or asking cannot help."""

import asyncio
from dataclasses import dataclass

from core.errors import InvalidAnswer
from documents.analysis.judgement import Judgement, judge
from documents.analysis.prompts import asked_again
from documents.analysis.tokens import estimated_tokens
from documents.answers import Question
from gateway.metered import Answering
from gateway.service import Completion, Target
from providers.types import ChatRequest, Message, Usage

MAX_ASKS = 3
LEAST_ROOM = 256
_MOST_ROOM = 16_384
_MAX_QUOTED_REPLY = 2000
_MAX_PROBLEMS = 5


@dataclass(slots=True)
class Line:
    """The way to the model for one job: who is asked, what it can hold (tokens; None when unknown), and what was spent."""

    gateway: Answering
    target: Target
    api_key: str | None
    limit: int | None
    output_limit: int | None = None
    usage: Usage = Usage()
    asks: int = 0

    def room(self, prompt_tokens: int, wanted: int) -> int | None:
        """Tokens left for the answer, at most `wanted`; None when the context cannot hold the prompt and a short answer."""
        wanted = min(wanted, self.output_limit or wanted)
        if self.limit is None:
            return wanted
        room = min(wanted, self.limit - prompt_tokens)
        return room if room >= min(wanted, LEAST_ROOM) else None

    async def ask(self, question: Question, asked: tuple[Message, ...], room: int) -> Completion:
        structured = self.gateway.capabilities(self.target.provider).json_schema
        schema = question.skeleton.schema if structured else None
        request = ChatRequest(self.target.model, asked, schema=schema, max_tokens=room, room_to_think=True, api_key=self.api_key)
        reply = await self.gateway.complete(self.target, request)
        self.asks += 1
        self.usage += reply.usage
        return reply


@dataclass(frozen=True, slots=True)
class Reply:
    """The best of the replies to one question and what it is worth; `judgement` is usable."""

    judgement: Judgement
    completion: Completion

    @property
    def cut(self) -> bool:
        """Whether the answer was too long for the room that there was."""
        return self.judgement.partial and self.completion.finish_reason == "length"


async def converse(line: Line, question: Question, first: tuple[Message, ...], room: int) -> Reply:
    """Raises InvalidAnswer when no reply could be used, and what the gateway raises."""
    asked, best, completion, asks = first, Judgement(), None, 0
    prompt_tokens = await asyncio.to_thread(estimated_tokens, first)
    while True:
        reply = await line.ask(question, asked, room)
        asks += 1
        judgement = await asyncio.to_thread(judge, question.skeleton, reply)
        if judgement.better_than(best):
            best, completion = judgement, reply
        following = None
        if not judgement.good and asks < MAX_ASKS:
            following = _next(line, question, first, prompt_tokens, reply, judgement, room, asks)
        if following is None:
            break
        asked, room = following
    if completion is None or not best.usable:
        raise InvalidAnswer(
            f"{line.target.model} gave no JSON of the wanted shape in {'1 ask' if asks == 1 else f'{asks} asks'}. "
            f"{judgement.problems[0]}",
            hint="Try again with a larger model, a simpler Format-Response, or AI-Provider: builtin.",
        )
    return Reply(best, completion)


def _next(
    line: Line,
    question: Question,
    first: tuple[Message, ...],
    prompt_tokens: int,
    reply: Completion,
    judgement: Judgement,
    room: int,
    asks: int,
) -> tuple[tuple[Message, ...], int] | None:
    """What to ask next and the tokens for its answer; None when asking again cannot help."""
    if judgement.partial and reply.finish_reason == "length":
        larger = line.room(prompt_tokens, min(room * 4, _MOST_ROOM))
        # A second cut at the larger size, or no room for more: the same question would be cut again.
        return (first, larger) if larger is not None and larger > room and asks == 1 else None
    ends = ("It ends before the JSON does.",) if judgement.partial else ()
    problem = " ".join((*ends, *judgement.problems)[:_MAX_PROBLEMS])
    again = asked_again(first, question.prompt, reply.text[:_MAX_QUOTED_REPLY], problem)
    again_room = line.room(prompt_tokens + estimated_tokens(again[len(first) :]), room)
    return None if again_room is None else (again, again_room)
