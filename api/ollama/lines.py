"""Answers of Ollama's chat and generate: one object, or a line of JSON for each piece of a stream.

Source: docs.ollama.com/api and api/types.go of Ollama. Durations are in nanoseconds. Calls of tools have objects as arguments,
so they are told when they are whole, before the last line.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from api.errors import in_dialect
from api.letters import Letters
from api.ollama.wire import TimedAsked
from api.stamp import Stamp
from api.telling import Telling, is_plain
from core.errors import MyelinError
from providers.types import ChatDelta, ChatReply, FinishReason, ToolCall, ToolCallDelta, Usage
from utils import mended

_SECOND = 1_000_000_000


def _reason(reason: FinishReason) -> str:
    """Ollama says that an answer with calls just stopped."""
    return "length" if reason == "length" else "stop"


def moment(nanoseconds: int) -> str:
    """RFC 3339 with nanoseconds, in UTC."""
    seconds, rest = divmod(nanoseconds, _SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def chat_reply(reply: ChatReply, asked: TimedAsked, stamp: Stamp | None = None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.thinking:
        message["thinking"] = reply.thinking
    calls = [part for part in reply.parts if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = [_call(index, call) for index, call in enumerate(calls)]
    return _whole({"message": message}, reply, asked, stamp)


def generate_reply(reply: ChatReply, asked: TimedAsked, stamp: Stamp | None = None) -> dict[str, Any]:
    thought = {"thinking": reply.thinking} if reply.thinking else {}
    return _whole({"response": reply.text, **thought}, reply, asked, stamp)


def loaded_reply(model: str, reason: str, *, chat: bool, stamp: Stamp | None = None) -> dict[str, Any]:
    """What is answered to a body that says nothing (`wire.loads_only`): models of other providers need no loading."""
    created = moment((stamp or Stamp()).created_ns)
    said: dict[str, Any] = {"message": {"role": "assistant", "content": ""}} if chat else {"response": ""}
    return {"model": model, "created_at": created, **said, "done": True, "done_reason": reason}


def _call(index: int, call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "function": {"index": index, "name": call.name, "arguments": call.input}}


def _whole(said: dict[str, Any], reply: ChatReply, asked: TimedAsked, stamp: Stamp | None) -> dict[str, Any]:
    created = moment((stamp or Stamp()).created_ns)
    took = max(time.perf_counter_ns() - asked.started, 1)
    return {"model": asked.model, "created_at": created, **said, **_end(reply.finish_reason, reply.usage, 0, took)}


def _end(reason: FinishReason, usage: Usage | None, reading: int, writing: int) -> dict[str, Any]:
    """Providers do not tell what reading and writing took: it is what passed before and after the first piece."""
    counts = {} if usage is None else {"prompt_eval_count": usage.input_tokens, "eval_count": usage.output_tokens}
    durations = {
        "total_duration": reading + writing,
        "load_duration": 0,
        "prompt_eval_duration": reading,
        "eval_duration": writing,
    }
    return {"done": True, "done_reason": _reason(reason), **durations, **counts}


class LineRendering(Telling):
    """`chat` tells messages, else responses; `monotonic` are the nanoseconds that `asked.started` counts."""

    media_type = "application/x-ndjson"
    __slots__ = (
        "_after",
        "_asked",
        "_before",
        "_chat",
        "_first",
        "_head",
        "_letters",
        "_monotonic",
        "_now",
        "_said",
        "_second",
        "_told",
    )

    def __init__(
        self,
        asked: TimedAsked,
        stamp: Stamp | None = None,
        *,
        chat: bool = True,
        monotonic: Callable[[], int] = time.perf_counter_ns,
    ):
        super().__init__()
        self._asked, self._chat, self._monotonic = asked, chat, monotonic
        self._now = (stamp or Stamp()).clock
        self._head = b'{"model":%b,"created_at":"' % orjson.dumps(asked.model)
        self._before = b'"message":{"role":"assistant","content":' if chat else b'"response":'
        self._after = b'},"done":false}\n' if chat else b',"done":false}\n'
        self._letters, self._said = Letters(), Letters()
        self._second, self._first = (-1, b""), 0
        self._told: dict[int, tuple[str, str, list[str]]] = {}

    def first(self) -> bytes:
        return b""

    def piece(self, delta: ChatDelta) -> bytes:
        if not self._first:
            self._first = self._monotonic()
        if delta.text and is_plain(delta):
            return self.text(delta.text)
        return super().piece(delta)

    def text(self, piece: str) -> bytes:
        return b"%b%b%b%b" % (self._begun(), self._before, self._letters.quoted(piece), self._after)

    def thought(self, piece: str) -> bytes:
        return b'%b%b"","thinking":%b%b' % (self._begun(), self._before, self._said.quoted(piece), self._after)

    def call(self, piece: ToolCallDelta, is_first: bool) -> bytes:
        if is_first:
            self._told[piece.index] = (piece.id or "", piece.name or "", [])
        self._told[piece.index][2].append(piece.arguments)
        return b""

    def close(self) -> bytes:
        now = self._monotonic()
        first = self._first or now
        ended = _end(self.finish_reason, self.usage, max(first - self._asked.started, 0), max(now - first, 1))
        said = {"message": {"role": "assistant", "content": ""}} if self._chat else {"response": ""}
        return self._called() + self._begun() + orjson.dumps({**said, **ended})[1:] + b"\n"

    def failed(self, error: MyelinError) -> bytes:
        return orjson.dumps(in_dialect(error, "ollama")) + b"\n"

    def ping(self) -> bytes:
        """JSON has no comments: a piece without words."""
        return self.text("")

    def _called(self) -> bytes:
        if not self._told or not self._chat:
            return b""
        calls = [
            _call(index, ToolCall(call_id, name, mended("".join(said))))
            for index, (call_id, name, said) in enumerate(self._told.values())
        ]
        return b'%b%b"","tool_calls":%b%b' % (self._begun(), self._before, orjson.dumps(calls), self._after)

    def _begun(self) -> bytes:
        """A line up to its time. The text of a second is made once."""
        seconds, rest = divmod(self._now(), _SECOND)
        if seconds != self._second[0]:
            self._second = seconds, self._head + moment(seconds * _SECOND)[:-10].encode()
        return b'%b%09dZ",' % (self._second[1], rest)
