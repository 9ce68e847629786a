"""Streams of Anthropic's messages.

Source: docs.claude.com/en/docs/build-with-claude/streaming. The usage of `message_delta` is that of the whole answer, the input's
tokens too: who answers tells them only at its end. There is no [DONE].
"""

from typing import Any

import orjson

from api.anthropic.blocks import block_of, signed
from api.anthropic.wire import reason_of, usage_of
from api.asked import Asked
from api.errors import in_dialect
from api.letters import Letters
from api.stamp import Stamp
from api.telling import Kind, Telling, is_plain
from core.errors import MyelinError
from providers.types import ChatDelta, Part, Text, Thought, ToolCallDelta, Usage

_PING = b'event: ping\ndata: {"type":"ping"}\n\n'
_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_AFTER = b"}}\n\n"


def _event(kind: str, **members: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **members}))


class MessageRendering(Telling):
    media_type = "text/event-stream; charset=utf-8"
    __slots__ = ("_asked", "_before", "_blocks", "_index", "_letters", "_stamp")

    def __init__(self, asked: Asked, stamp: Stamp | None = None):
        super().__init__()
        self._asked, self._stamp = asked, stamp or Stamp()
        self._index = -1
        self._letters, self._before = Letters(), b""
        self._blocks: dict[int, tuple[int, Letters]] = {}

    def first(self) -> bytes:
        message = {
            "id": f"msg_{self._stamp.token}",
            "type": "message",
            "role": "assistant",
            "model": self._asked.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_of(Usage()),
        }
        return _event("message_start", message=message)

    def piece(self, delta: ChatDelta) -> bytes:
        if self._open == "text" and delta.text and is_plain(delta):
            return self._before + self._letters.quoted(delta.text) + _AFTER
        return super().piece(delta)

    def begin(self, kind: Kind) -> bytes:
        started = self._start(block_of(Thought("") if kind == "thought" else Text("")))
        self._letters, self._before = Letters(), self._delta("thinking" if kind == "thought" else "text")
        return started

    def text(self, piece: str) -> bytes:
        return self._before + self._letters.quoted(piece) + _AFTER

    def thought(self, piece: str) -> bytes:
        return self._before + self._letters.quoted(piece) + _AFTER

    def sign(self, kind: Kind, signature: str) -> bytes:
        """The SDKs know signatures of thoughts alone: that of a text comes in a block of its own, which `end` closes."""
        if kind == "thought":
            told = {"type": "signature_delta", "signature": signature}
            return _event("content_block_delta", index=self._index, delta=told)
        return self.end(kind) + self._start(block_of(Text("", signature)))

    def end(self, kind: Kind) -> bytes:
        return _event("content_block_stop", index=self._index)

    def cipher(self, data: str) -> bytes:
        return self._whole(Thought(data, redacted=True))

    def call(self, piece: ToolCallDelta, is_first: bool) -> bytes:
        """Where a model tells two calls side by side, pieces of the first come after its end: SDKs go by the index."""
        started = b""
        if is_first:
            block = {"type": "tool_use", "id": piece.id or "", "name": piece.name or "", "input": {}, **signed(piece.signature)}
            started = self._start(block)
            self._blocks[piece.index] = self._index, Letters()
        index, letters = self._blocks[piece.index]
        if not piece.arguments:
            return started
        before = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":' % index
        return started + b'%b{"type":"input_json_delta","partial_json":%b}}\n\n' % (before, letters.quoted(piece.arguments))

    def close(self) -> bytes:
        delta = {"stop_reason": reason_of(self.finish_reason, self.stop_sequence), "stop_sequence": self.stop_sequence}
        return _event("message_delta", delta=delta, usage=usage_of(self.usage or Usage())) + _STOP

    def failed(self, error: MyelinError) -> bytes:
        return b"event: error\ndata: " + orjson.dumps(in_dialect(error, "anthropic")) + b"\n\n"

    def ping(self) -> bytes:
        return _PING

    def _start(self, block: dict[str, Any]) -> bytes:
        self._index += 1
        return _event("content_block_start", index=self._index, content_block=block)

    def _whole(self, part: Part) -> bytes:
        return self._start(block_of(part)) + _event("content_block_stop", index=self._index)

    def _delta(self, member: str) -> bytes:
        """All up to the text of a piece."""
        kind = member.encode()
        head = b'{"type":"content_block_delta","index":%d,"delta":{"type":"%b_delta","%b":' % (self._index, kind, kind)
        return b"event: content_block_delta\ndata: " + head
