"""The way of a question through a front, in whatever dialect: read, entered into the ledger, asked, answered.

Where the provider speaks the client's dialect the body goes on as it is (`api/passing.py`); everywhere else it is translated.
"""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from api.asked import Asked
from api.askers import asker_of
from api.embedding import EmbeddingsAsked
from api.exchange import Exchange
from api.passing import pass_stream, pass_whole
from api.payload import read
from api.rendering import Rendering
from api.streaming import Pings
from api.visit import Visit
from core.errors import InvalidField, ModelNotInstalled, ModelUnable, MyelinError, PricePending
from gateway.abilities import Ability
from providers.types import ChatReply, Dialect, Embeddings, Usage


class Translation(Protocol):
    """How a body is answered by a provider of another dialect. Raises MyelinError while nothing was sent."""

    def answer(self, visit: Visit, body: dict[str, Any], stream: bool) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class Speech:
    """An address where models are talked to. `path` is where a provider of the same dialect has it, None when none has;
    `streams` is what a body that does not say it means, `most` are the members (Ollama's: options) that cap the answer;
    `tended` answers a body that is no question but a wish for a model in memory or out of it, and tells whether it was one;
    `needs` is what the model must be able to do for all others."""

    dialect: Dialect
    operation: str
    path: str | None
    translation: Translation
    streams: bool = False
    most: tuple[str, ...] = ("max_tokens",)
    tended: Callable[[Visit, dict[str, Any]], Awaitable[bool]] | None = None
    needs: Ability = "chat"


async def converse(speech: Speech, exchange: Exchange) -> None:
    """Answers the exchange. Raises MyelinError while nothing was sent; later errors go into the stream."""
    raw = await exchange.body()
    body, refusal = envelope(raw)
    model, stream = body.get("model"), body.get("stream")
    stream = speech.streams if stream is None else stream
    named = model if isinstance(model, str) else ""
    with exchange.enter(speech.dialect, speech.operation, named, stream is True) as call:
        if refusal is not None:
            raise refusal
        if not named:
            raise InvalidField("The model is missing.", hint="GET /v1/models lists the models.", field="model")
        if not isinstance(stream, bool):
            raise InvalidField("stream is true or false.", field="stream")
        gateway, allows = exchange.rooms.gateway, exchange.allows
        visit = Visit(exchange, call, await gateway.resolve(named, allows, lambda: asker_of(exchange, body)))
        most = _most(speech, body)
        try:
            visit.reserve(body, raw, most)
        except PricePending:
            await exchange.rooms.ledger.prices.looked_up(visit.target.provider, visit.target.model)
            visit.reserve(body, raw, most)
        try:
            if speech.tended is not None and await speech.tended(visit, body):
                return
            gateway.must_be_able(visit.target, speech.needs, allows)
            if speech.path is not None and gateway.passes(visit.target, speech.dialect, speech.path):
                await (pass_stream if stream else pass_whole)(visit, speech.dialect, speech.path, body, raw)
            else:
                await speech.translation.answer(visit, body, stream)
        except (ModelNotInstalled, ModelUnable) as error:
            raise gateway.cured(visit.target, error, speech.needs, allows) from None


def _most(speech: Speech, body: dict[str, Any]) -> int | None:
    """The tokens that the client lets the answer have; None when it does not say."""
    members = body.get("options") if speech.dialect == "ollama" else body
    if not isinstance(members, dict):
        return None
    for name in speech.most:
        if type(value := members.get(name)) is int and value >= 0:
            return value
    return None


def envelope(raw: bytes) -> tuple[dict[str, Any], MyelinError | None]:
    """The body, or why it is none: what cannot be read is entered into the ledger, too."""
    try:
        return read(raw), None
    except MyelinError as error:
        return {}, error


@dataclass(frozen=True, slots=True)
class Conversation:
    """Questions to models that chat. `idle` gives the answer to a body that says nothing to a model, None for all others."""

    asked: Callable[[dict[str, Any]], Asked]
    reply: Callable[[ChatReply, Asked], dict[str, Any]]
    rendering: Callable[[Asked], Rendering]
    idle: Callable[[dict[str, Any]], dict[str, Any] | None] | None = None

    def answer(self, visit: Visit, body: dict[str, Any], stream: bool) -> Awaitable[None]:
        if self.idle is not None and (said := self.idle(body)) is not None:
            visit.settle(Usage(), None)
            return visit.exchange.reply(orjson.dumps(said), visit.headers())
        return (self._stream if stream else self._whole)(visit, self.asked(body))

    async def _whole(self, visit: Visit, asked: Asked) -> None:
        reply = await visit.gateway.complete(visit.target, asked.request, visit.attempts)
        if reply.target != visit.target:
            visit.target = reply.target
            visit.call.answers(reply.target.provider, reply.target.model)
        body = orjson.dumps(self.reply(reply, asked))
        visit.settle(reply.usage, reply.finish_reason)
        await visit.exchange.reply(body, visit.headers())

    async def _stream(self, visit: Visit, asked: Asked) -> None:
        rendering, exchange = self.rendering(asked), visit.exchange
        kind = rendering.media_type.encode()

        async def begin() -> None:
            await exchange.begin(kind, visit.headers())
            await exchange.write(rendering.first())

        async def ping() -> None:
            if data := rendering.ping():
                if not exchange.begun:
                    await begin()
                await exchange.write(data)

        try:
            with Pings(ping, exchange.rooms.pace.ping) as pings:
                async with visit.in_time(), aclosing(visit.gateway.stream(visit.target, asked.request, visit.attempts)) as deltas:
                    async for delta in deltas:
                        if not visit.spoke:
                            visit.first()
                            if not exchange.begun:
                                await begin()
                        calls = sum([len(call.arguments) for call in delta.tool_calls]) if delta.tool_calls else 0
                        visit.told(len(delta.text) + len(delta.thinking) + calls)
                        if delta.finish_reason is not None:
                            visit.settle(delta.usage, delta.finish_reason)
                        if data := rendering.piece(delta):
                            await exchange.write(data)
                        pings.touch()
            await exchange.end(rendering.last())
        except MyelinError as error:
            if not exchange.begun:
                raise
            visit.failed(error)
            await exchange.end(rendering.failed(error))


@dataclass(frozen=True, slots=True)
class Measuring:
    """Texts to models that embed."""

    asked: Callable[[dict[str, Any]], EmbeddingsAsked]
    reply: Callable[[Embeddings, EmbeddingsAsked], dict[str, Any]]

    async def answer(self, visit: Visit, body: dict[str, Any], _stream: bool) -> None:
        asked = self.asked(body)
        told = await visit.gateway.embed(visit.target, asked.texts, asked.dimensions, visit.attempts)
        reply = orjson.dumps(self.reply(told, asked))
        visit.settle(told.usage, None)
        await visit.exchange.reply(reply, visit.headers())
