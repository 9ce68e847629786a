"""Streams of OpenAI's responses: what happens to each item, event by event, in numbers that go up by one.

Source: platform.openai.com/docs/api-reference/responses-streaming.
"""

from typing import Any

import orjson

from api.errors import in_words
from api.letters import Letters
from api.openai.chunks import EVENT_STREAM, PING
from api.openai.items import item_of, output_text
from api.openai.responses import ResponseAsked, response_of, status_of
from api.stamp import Stamp
from api.telling import Kind, Telling, is_plain
from core.errors import MyelinError
from providers.types import ChatDelta, Part, Text, Thought, ToolCall, ToolCallDelta
from utils import mended

_DONE = {"completed": "response.completed", "incomplete": "response.incomplete"}


class _Call:
    """One call of a tool while it is told."""

    __slots__ = ("id", "letters", "name", "place", "said", "signature")

    def __init__(self, piece: ToolCallDelta, place: int):
        self.id, self.name, self.signature = piece.id or "", piece.name or "", piece.signature
        self.place, self.letters = place, Letters()
        self.said: list[str] = []


class ResponseRendering(Telling):
    media_type = EVENT_STREAM
    __slots__ = ("_after", "_asked", "_before", "_letters", "_number", "_output", "_said", "_signature", "_stamp", "_told")

    def __init__(self, asked: ResponseAsked, stamp: Stamp | None = None):
        super().__init__()
        self._asked, self._stamp = asked, stamp or Stamp()
        self._number = 0
        self._output: list[dict[str, Any]] = []
        self._said: list[str] = []
        self._signature: str | None = None
        self._letters = Letters()
        self._told: dict[int, _Call] = {}
        self._before = self._after = b""

    def first(self) -> bytes:
        response = response_of(self._asked, self._stamp, [], "in_progress")
        return self._event("response.created", response=response) + self._event("response.in_progress", response=response)

    def piece(self, delta: ChatDelta) -> bytes:
        if self._open == "text" and delta.text and is_plain(delta):
            return self.text(delta.text)
        return super().piece(delta)

    def begin(self, kind: Kind) -> bytes:
        self._said, self._signature, self._letters = [], None, Letters()
        part: Part = Thought("") if kind == "thought" else Text("")
        item = self._add(part)
        if kind == "thought":
            told = item[1] | {"summary_index": 0}
            name, opened = "response.reasoning_summary_text.delta", "response.reasoning_summary_part.added"
            content: dict[str, Any] = {"type": "summary_text", "text": ""}
        else:
            told = item[1] | {"content_index": 0}
            name, opened, content = "response.output_text.delta", "response.content_part.added", output_text("")
        self._before = b'event: %b\ndata: {"type":"%b",%b,"sequence_number":' % (
            name.encode(), name.encode(), orjson.dumps(told)[1:-1],
        )  # fmt: skip
        self._after = b',"logprobs":[]}\n\n' if kind == "text" else b"}\n\n"
        return item[0] + self._event(opened, **told, part=content)

    def text(self, piece: str) -> bytes:
        self._said.append(piece)
        self._number += 1
        return b'%b%d,"delta":%b%b' % (self._before, self._number - 1, self._letters.quoted(piece), self._after)

    def thought(self, piece: str) -> bytes:
        return self.text(piece)

    def sign(self, kind: Kind, signature: str) -> bytes:
        self._signature = signature
        return b""

    def end(self, kind: Kind) -> bytes:
        if kind == "call":
            return b""  # calls may be told side by side: all of them end with the answer
        said, place = mended("".join(self._said)), len(self._output) - 1
        told = {"item_id": self._output[place]["id"], "output_index": place}
        if kind == "thought":
            part: Part = Thought(said, self._signature)
            told |= {"summary_index": 0}
            done = self._event("response.reasoning_summary_text.done", **told, text=said)
            done += self._event("response.reasoning_summary_part.done", **told, part={"type": "summary_text", "text": said})
        else:
            part = Text(said, self._signature)
            told |= {"content_index": 0}
            done = self._event("response.output_text.done", **told, text=said, logprobs=[])
            done += self._event("response.content_part.done", **told, part=output_text(said))
        return done + self._complete(part, place)

    def cipher(self, data: str) -> bytes:
        part = Thought(data, redacted=True)
        added, _ = self._add(part)
        return added + self._complete(part, len(self._output) - 1)

    def call(self, piece: ToolCallDelta, is_first: bool) -> bytes:
        added = b""
        if is_first:
            call = self._told[piece.index] = _Call(piece, len(self._output))
            added, _ = self._add(ToolCall(call.id, call.name, ""))
        call = self._told[piece.index]
        call.signature = piece.signature or call.signature
        if not piece.arguments:
            return added
        call.said.append(piece.arguments)
        told = {"item_id": self._output[call.place]["id"], "output_index": call.place}
        self._number += 1
        return added + b'event: response.function_call_arguments.delta\ndata: %b,"sequence_number":%d,"delta":%b}\n\n' % (
            orjson.dumps({"type": "response.function_call_arguments.delta", **told})[:-1],
            self._number - 1,
            call.letters.quoted(piece.arguments),
        )

    def close(self) -> bytes:
        ended = [self._end_call(call) for call in self._told.values()]
        status = status_of(self.finish_reason)
        response = response_of(self._asked, self._stamp, self._output, status, self.finish_reason, self.usage)
        return b"".join([*ended, self._event(_DONE[status], response=response)])

    def failed(self, error: MyelinError) -> bytes:
        """The SDKs show an `error` event; who waits for the end finds it in `response.failed`."""
        code = "rate_limit_exceeded" if error.status in (429, 503) else "server_error"
        told = {"code": code, "message": in_words(error)}
        response = response_of(self._asked, self._stamp, self._output, "failed", usage=self.usage, error=told)
        return self._event("error", **told | {"code": error.code}, param=error.field) + self._event(
            "response.failed", response=response
        )

    def ping(self) -> bytes:
        return PING

    def _end_call(self, call: _Call) -> bytes:
        arguments = mended("".join(call.said)) or "{}"
        told = {"item_id": self._output[call.place]["id"], "output_index": call.place}
        done = self._event("response.function_call_arguments.done", **told, name=call.name, arguments=arguments)
        return done + self._complete(ToolCall(call.id, call.name, arguments, call.signature), call.place)

    def _add(self, part: Part) -> tuple[bytes, dict[str, Any]]:
        """(the event, what all events about the item say)"""
        place = len(self._output)
        item = item_of(part, f"{self._stamp.token}_{place}", "in_progress")
        if isinstance(part, Text):
            item["content"] = []
        self._output.append(item)
        event = self._event("response.output_item.added", output_index=place, item=item)
        return event, {"item_id": item["id"], "output_index": place}

    def _complete(self, part: Part, place: int) -> bytes:
        """Only the last item of an answer that was cut off is not whole."""
        status = status_of(self.finish_reason) if place == len(self._output) - 1 else "completed"
        self._output[place] = item_of(part, f"{self._stamp.token}_{place}", status)
        return self._event("response.output_item.done", output_index=place, item=self._output[place])

    def _event(self, kind: str, /, **members: Any) -> bytes:
        data = orjson.dumps({"type": kind, "sequence_number": self._number, **members})
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)
