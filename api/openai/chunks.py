"""Streams of OpenAI's chat completions.

Source: platform.openai.com/docs/api-reference/chat-streaming. `id`, `created` and `model` are the same in every chunk; with
`include_usage` the last one has the usage and no choices, and all others have `"usage": null`.
"""

from typing import Any

import orjson

from api.asked import Asked
from api.errors import in_dialect
from api.letters import Letters
from api.openai.thoughts import detail_of, signed
from api.openai.wire import FINISH, usage_of
from api.stamp import Stamp
from api.telling import Kind, Telling, is_plain
from core.errors import MyelinError
from providers.types import ChatDelta, FinishReason, Thought, ToolCallDelta, Usage

EVENT_STREAM = "text/event-stream; charset=utf-8"
PING = b": ping\n\n"
DONE = b"data: [DONE]\n\n"


def event(value: Any) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def failure(error: MyelinError) -> bytes:
    """The SDKs raise what has `error`; no [DONE] follows, for nothing is done."""
    return event(in_dialect(error, "openai"))


class Frame:
    """What is the same in all chunks of one stream: all but the middle of its one choice."""

    __slots__ = ("_head", "_tail", "_tells_usage", "after", "before")

    def __init__(self, kind: str, name: str, stamp: Stamp, asked: Asked):
        head = orjson.dumps({"id": name, "object": kind, "created": stamp.created, "model": asked.model})
        self._head = b"data: " + head[:-1] + b',"choices":['
        self._tells_usage = asked.include_usage
        self._tail = b'],"usage":null}\n\n' if self._tells_usage else b"]}\n\n"
        self.before = self._head + b'{"index":0,'
        self.after = b',"logprobs":null,"finish_reason":null}' + self._tail

    def end(self, member: bytes, reason: FinishReason, usage: Usage | None) -> bytes:
        """The chunk that says why the answer ends, that of the usage, and [DONE]; `member` is an empty delta or text."""
        ended = b'%b%b,"logprobs":null,"finish_reason":"%b"}%b' % (self.before, member, FINISH[reason].encode(), self._tail)
        if self._tells_usage and usage is not None:
            ended += b'%b],"usage":%b}\n\n' % (self._head, orjson.dumps(usage_of(usage)))
        return ended + DONE


class ChatRendering(Telling):
    media_type = EVENT_STREAM
    __slots__ = ("_after", "_arguments", "_before", "_detailed", "_frame", "_letters", "_said", "_thoughts")

    def __init__(self, asked: Asked, stamp: Stamp | None = None):
        super().__init__()
        stamp = stamp or Stamp()
        self._frame = Frame("chat.completion.chunk", f"chatcmpl-{stamp.token}", stamp, asked)
        self._before, self._after = self._frame.before + b'"delta":{"content":', b"}" + self._frame.after
        self._letters, self._said, self._arguments = Letters(), Letters(), Letters()
        self._thoughts: list[list[str]] = []
        self._detailed = 0

    def first(self) -> bytes:
        return self._delta({"role": "assistant", "content": ""})

    def piece(self, delta: ChatDelta) -> bytes:
        if self._open == "text" and delta.text and is_plain(delta):
            return self._before + self._letters.quoted(delta.text) + self._after
        return super().piece(delta)

    def text(self, piece: str) -> bytes:
        return self._before + self._letters.quoted(piece) + self._after

    def begin(self, kind: Kind) -> bytes:
        if kind == "thought":
            self._thoughts.append([])
        return b""

    def thought(self, piece: str) -> bytes:
        self._thoughts[-1].append(piece)
        return b'%b"delta":{"reasoning_content":%b}%b' % (self._frame.before, self._said.quoted(piece), self._frame.after)

    def end(self, kind: Kind) -> bytes:
        """A thought that nobody signed is told again only where others were signed."""
        return self._details() if kind == "thought" and self._detailed else b""

    def sign(self, kind: Kind, signature: str) -> bytes:
        return self._delta(signed(signature)) if kind == "text" else self._details(Thought("", signature))

    def cipher(self, data: str) -> bytes:
        return self._details() + self._details(Thought(data, redacted=True))

    def _details(self, last: Thought | None = None) -> bytes:
        """All thoughts that were not told as details yet; `last` is the signature of the newest one, or cipher by itself."""
        texts = ["".join(said) for said in self._thoughts]
        self._thoughts = []
        thoughts = [Thought(said) for said in texts]
        if last is not None and last.redacted:
            thoughts.append(last)
        elif last is not None:
            thoughts[-1:] = [Thought(texts[-1], last.signature)]
        if not thoughts:
            return b""
        details = [detail_of(thought, self._detailed + index) for index, thought in enumerate(thoughts)]
        self._detailed += len(details)
        return self._delta({"reasoning_details": details})

    def call(self, piece: ToolCallDelta, is_first: bool) -> bytes:
        arguments = self._arguments.quoted(piece.arguments)
        if not is_first and piece.signature is None:
            call = b'{"index":%d,"function":{"arguments":%b}}' % (piece.index, arguments)
        else:
            head = orjson.dumps(
                {"index": piece.index, "id": piece.id, "type": "function"} if is_first else {"index": piece.index}
            )
            function = b'"function":{"name":%b,"arguments":%b}' % (orjson.dumps(piece.name), arguments)
            function = function if is_first else b'"function":{"arguments":%b}' % arguments
            extra = orjson.dumps(signed(piece.signature))[1:]
            call = head[:-1] + b"," + function + (b"," + extra if len(extra) > 1 else extra)
        return b'%b"delta":{"tool_calls":[%b]}%b' % (self._frame.before, call, self._frame.after)

    def close(self) -> bytes:
        return self._frame.end(b'"delta":{}', self.finish_reason, self.usage)

    def failed(self, error: MyelinError) -> bytes:
        return failure(error)

    def ping(self) -> bytes:
        return PING

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return b'%b"delta":%b%b' % (self._frame.before, orjson.dumps(delta), self._frame.after)
