"""The way of a question through a front, in whatever dialect: read, entered into the ledger, asked, answered.

Where the provider speaks the client's dialect the body goes on as it is (`api/passing.py`); everywhere else it is translated.
"""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson

from api.asked import Asked
from api.exchange import Exchange
from api.passing import pass_stream, pass_whole
from api.payload import read
from api.rendering import Rendering
from api.streaming import Pings
from api.visit import Visit
from core.errors import InvalidField, MyelinError
from providers.types import ChatReply, Dialect


@dataclass(frozen=True, slots=True)
class Speech:
    """An address where models are talked to. `asked`, `reply` and `rendering` translate; None where only a provider of the same
    dialect can answer. `path` is where a provider of the same dialect has it, None when none has;
    `streams` is what a body that does not say it means, `most` are the members that cap the answer."""

    dialect: Dialect
    operation: str
    path: str | None
    asked: Callable[[dict[str, Any]], Asked] | None = None
    reply: Callable[[ChatReply, Asked], dict[str, Any]] | None = None
    rendering: Callable[[Asked], Rendering] | None = None
    streams: bool = False
    most: tuple[str, ...] = ("max_tokens",)


async def converse(speech: Speech, exchange: Exchange) -> None:
    """Answers the exchange. Raises MyelinError while nothing was sent; later errors go into the stream."""
    raw = await exchange.body()
    body, refusal = _envelope(raw)
    model, stream = body.get("model"), body.get("stream", speech.streams)
    named = model if isinstance(model, str) else ""
    with exchange.enter(speech.dialect, speech.operation, named, stream is True) as call:
        if refusal is not None:
            raise refusal
        if not named:
            raise InvalidField("The model is missing.", hint="GET /v1/models lists the models.", field="model")
        if not isinstance(stream, bool):
            raise InvalidField("stream is true or false.", field="stream")
        gateway = exchange.rooms.gateway
        visit = Visit(exchange, call, gateway.resolve(named, exchange.allows))
        visit.reserve(body, raw, next((body[name] for name in speech.most if isinstance(body.get(name), int)), None))
        if speech.path is not None and gateway.dialect(visit.target) == speech.dialect:
            await (pass_stream if stream else pass_whole)(visit, speech.dialect, speech.path, body)
            return
        if speech.asked is None:
            raise InvalidField(
                f"{visit.target.provider} cannot answer at this address.", hint="Choose another model.", field="model"
            )
        asked = speech.asked(body)
        await (_stream if stream else _whole)(speech, visit, asked)


def _envelope(raw: bytes) -> tuple[dict[str, Any], MyelinError | None]:
    """The body, or why it is none: what cannot be read is entered into the ledger, too."""
    try:
        return read(raw), None
    except MyelinError as error:
        return {}, error


async def _whole(speech: Speech, visit: Visit, asked: Asked) -> None:
    reply = await visit.gateway.complete(visit.target, asked.request, visit.attempts)
    if reply.target != visit.target:
        visit.target = reply.target
        visit.call.answers(reply.target.provider, reply.target.model)
    body = orjson.dumps(speech.reply(reply, asked))
    visit.settle(reply.usage, reply.finish_reason)
    await visit.exchange.reply(body, visit.headers())


async def _stream(speech: Speech, visit: Visit, asked: Asked) -> None:
    rendering, exchange = speech.rendering(asked), visit.exchange
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
                    visit.told(len(delta.text) + len(delta.thinking))
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
