"""A question that goes to a provider of the client's own dialect: its body as it is, its answer byte for byte.

A copy is read for what it tells of itself: the usage, and whether it is whole.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from api.asked import EXTENSIONS
from api.errors import in_dialect
from api.payload import renamed
from api.streaming import Pings
from api.visit import Visit
from core.errors import InvalidField, MyelinError, ProviderError
from core.http import Response
from gateway.passing import anthropic, ollama, openai
from gateway.passing.frames import Passage
from providers.types import Dialect, Usage

_READERS = {"openai": openai, "anthropic": anthropic, "ollama": ollama}
_EVENT_STREAM, _LINES = b"text/event-stream; charset=utf-8", b"application/x-ndjson"
_ASKING_USAGE = b'{"stream_options":{"include_usage":true},'
_PING = b": ping\n\n"
#: Members of our extensions that are Ollama's own.
_NATIVE = frozenset({"keep_alive", "options", "think"})
_MOST_HELD = 256 << 10
_LAST_BYTES_SECONDS = 0.1
_BETA = b"anthropic-beta"
_BETAS = re.compile(r"[\w.:, -]{1,1000}", re.ASCII)
_CHARACTERS_PER_EVENT = 4  # an event is about a token


async def pass_whole(visit: Visit, dialect: Dialect, path: str, body: dict[str, Any], raw: bytes, *, free: bool = False) -> None:
    """`raw` is the body as it came; `free` is what takes no tokens of a model."""
    reply = await visit.gateway.fetch(
        visit.target, path, _sent(visit, dialect, body, raw), visit.attempts, _headers(visit, dialect)
    )
    try:
        told = orjson.loads(reply)
    except orjson.JSONDecodeError:
        told = None
    reader = _READERS[dialect]
    if isinstance(told, dict) and told.get("error"):  # some hosts tell it in a 200
        raise visit.gateway.told_error(visit.target, reply)
    if not isinstance(told, dict) or reader.ANSWERS.isdisjoint(told):
        raise ProviderError(f"{visit.target.provider} did not answer with JSON of its protocol.", hint="Check its base URL.")
    visit.settle(Usage() if free else reader.usage_in(told), reader.reason_of(told))
    await visit.exchange.reply(reply, visit.headers())


async def pass_stream(visit: Visit, dialect: Dialect, path: str, body: dict[str, Any], raw: bytes) -> None:
    """Headers go out with the first content, or with the first ping."""
    stream = _Stream(visit, dialect, body)
    exchange = visit.exchange
    try:
        with Pings(stream.ping, exchange.rooms.pace.ping) as pings:
            async with visit.in_time():
                sent = _sent(visit, dialect, body, raw, stream.asks_usage)
                asked = visit.target, path, sent, visit.attempts, stream.opening, _headers(visit, dialect)
                async with visit.gateway.forward(*asked) as (response, held):
                    visit.first()
                    await stream.say(held)
                    while not stream.passage.seen.over and (data := await response.chunk()):
                        pings.touch()
                        await stream.say(stream.passage.take(data))
                    await exchange.end(stream.last())
                    await response.drain(_LAST_BYTES_SECONDS)
    except MyelinError as error:
        if not exchange.begun:
            raise
        visit.failed(error, stream.passage.seen.usage)
        told = stream.passage.seen.failed is not None  # the provider's own words have gone out already
        await exchange.end(b"" if told else stream.failure(error))


class _Stream:
    """What one stream needs between its bytes: its passage, and the ways to begin and to end."""

    def __init__(self, visit: Visit, dialect: Dialect, body: dict[str, Any]):
        self.passage: Passage
        self._visit, self._dialect = visit, dialect
        options = body.get("stream_options")
        wanted = isinstance(options, dict) and options.get("include_usage") is True
        self.asks_usage = dialect == "openai" and not wanted and visit.gateway.tells_usage(visit.target)
        self.passage = self._passage()
        self._told = 0

    def _passage(self) -> Passage:
        if self._dialect == "openai":
            return openai.OpenAIPassage(hides_usage=self.asks_usage)
        return anthropic.AnthropicPassage() if self._dialect == "anthropic" else ollama.OllamaPassage()

    async def _begin(self) -> None:
        kind = _LINES if self._dialect == "ollama" else _EVENT_STREAM
        await self._visit.exchange.begin(kind, self._visit.headers())

    async def opening(self, response: Response) -> bytes:
        """All up to the first content. An attempt that fails before it leaves nothing behind."""
        self.passage = self._passage()
        held = b""
        while not (self.passage.seen.begun or self.passage.seen.over):
            data = await response.chunk()
            held += self.passage.take(data) if data else self.passage.finish()
            if self.passage.seen.over and not self.passage.seen.ended and self.passage.seen.failed is None:
                self.passage.finish()  # raises: it ends without having been told whole
            if self.passage.seen.failed is not None:
                raise self._visit.gateway.told_error(self._visit.target, self.passage.seen.failed)
            if len(held) > _MOST_HELD:
                break
        return held

    async def say(self, data: bytes) -> None:
        if not data:
            return
        exchange, seen = self._visit.exchange, self.passage.seen
        if not exchange.begun:
            await self._begin()
        await exchange.write(data)
        self._visit.told((seen.pieces - self._told) * _CHARACTERS_PER_EVENT)
        self._told = seen.pieces

    def last(self) -> bytes:
        """Raises ProviderError when the stream ended early; else it is settled."""
        data = self.passage.finish()
        self._visit.settle(self.passage.seen.usage, self.passage.seen.finish_reason)
        return data

    async def ping(self) -> None:
        if self._dialect == "ollama":
            return  # lines of JSON have no comments
        exchange = self._visit.exchange
        if not exchange.begun:
            await self._begin()
        await exchange.write(_PING)

    def failure(self, error: MyelinError) -> bytes:
        if self._dialect == "ollama":
            return orjson.dumps(in_dialect(error, "ollama")) + b"\n"
        name = b"event: error\n" if self._dialect == "anthropic" else b""
        return name + b"data: " + orjson.dumps(in_dialect(error, self._dialect)) + b"\n\n"


def _sent(visit: Visit, dialect: Dialect, body: dict[str, Any], raw: bytes, asks_usage: bool = False) -> bytes:
    """The body for the provider: its own name of the model, our extensions taken out, all else as the client wrote it."""
    ours = EXTENSIONS - _NATIVE if dialect == "ollama" else EXTENSIONS
    model = visit.target.model
    if ours.isdisjoint(body) and not (asks_usage and "stream_options" in body) and (sent := renamed(raw, model)) is not None:
        return sent.replace(b"{", _ASKING_USAGE, 1) if asks_usage else sent
    members = {name: value for name, value in body.items() if name not in ours} | {"model": model}
    if asks_usage:
        options = body.get("stream_options")
        members["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    return orjson.dumps(members)


def _headers(visit: Visit, dialect: Dialect) -> Mapping[str, str]:
    """`anthropic-beta`, without which Anthropic does not know some members of a body. Raises InvalidField."""
    if dialect != "anthropic" or _BETA not in visit.exchange.headers:
        return {}
    told = ",".join(value.decode("latin-1") for name, value in visit.exchange.scope["headers"] if name == _BETA)
    if not _BETAS.fullmatch(told):
        raise InvalidField("anthropic-beta is a list of names with commas between them.", field="anthropic-beta")
    return {"anthropic-beta": told}
