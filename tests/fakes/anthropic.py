"""A faithful Anthropic: messages, their tokens and models over HTTP, with its events, its usage in two halves and its errors.

A key that begins with `invalid` is refused. Source: docs.anthropic.com/en/api/messages, /messages-streaming and /errors.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from tests.fakes.anthropic_checks import ApiError, FakeClaude, blocks, check, signature
from tests.fakes.events import Event, stream
from tests.fakes.server import BEFORE_THE_ANSWER, Fault, forever, serve, tokens_of
from tests.fakes.speaking import Asked, FakeSpeaker, Said, fragments

_ENDS = {"stop": "end_turn", "length": "max_tokens", "sequence": "stop_sequence", "tools": "tool_use"}
_EFFORTS = ("low", "medium", "high", "xhigh", "max")


class FakeAnthropic(FakeSpeaker):
    """`omitted`: thoughts come as their signature alone; `cipher` is told as a redacted thought before every answer."""

    def __init__(self) -> None:
        super().__init__()
        self.models = {
            "claude-sonnet-4-5": FakeClaude(both=False),
            "claude-opus-4-7": FakeClaude(1_000_000, 128_000, sampling=False, kinds=("adaptive", "disabled"), efforts=_EFFORTS),
            "claude-opus-4-6": FakeClaude(most=128_000, both=False, kinds=("adaptive", "enabled", "disabled"), efforts=_EFFORTS),
            "claude-sonnet-4-20250514": FakeClaude(forms=False),
            "claude-3-haiku-20240307": FakeClaude(most=4096, kinds=(), forms=False),
        }  # fmt: skip
        self.omitted = False
        self.cipher = ""

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.post("/v1/messages", self._messages),
            web.post("/v1/messages/count_tokens", self._count),
            web.get("/v1/models", self._list),
        ]

    @staticmethod
    def _authorise(request: web.Request) -> None:
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        key = request.headers.get("x-api-key", "") or (bearer if scheme == "Bearer" else "")  # its SDK sends the latter
        if not key:
            raise ApiError(401, "x-api-key header is required")
        if key.startswith("invalid"):
            raise ApiError(401, "invalid x-api-key")
        if not request.headers.get("anthropic-version"):
            raise ApiError(400, "anthropic-version: header is required")

    async def _read(self, request: web.Request, *, counting: bool = False) -> dict[str, Any]:
        self._authorise(request)
        try:
            body = json.loads(await request.read())
        except ValueError:
            raise ApiError(400, "The request body is not valid JSON.") from None
        check(body, self.models, counting=counting, betas=request.headers.get("anthropic-beta", ""))
        return body

    async def _list(self, request: web.Request) -> web.Response:
        try:
            self._authorise(request)
        except ApiError as error:
            return error.response()
        data = [
            {"type": "model", "id": name, "display_name": name.title(), "created_at": "2025-09-29T00:00:00Z", "lifecycle": "active",
             "max_input_tokens": model.context, "max_tokens": model.most, "capabilities": {
                "image_input": {"supported": True}, "structured_outputs": {"supported": model.forms},
                "thinking": {"supported": bool(model.kinds)}}}
            for name, model in self.models.items()
        ]  # fmt: skip
        return web.json_response({"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]})

    async def _count(self, request: web.Request) -> web.Response:
        try:
            body = await self._read(request, counting=True)
        except ApiError as error:
            return error.response()
        return web.json_response({"input_tokens": self._tokens(body)})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await self._read(request)
            fault = self.next_fault()
            if fault and fault.kind in BEFORE_THE_ANSWER:
                return await self._refusal(fault)
        except ApiError as error:
            return error.response()
        said = self.say(_asked(body), fault)
        if not body.get("stream"):
            return web.json_response(self._whole(body, said))
        error = ApiError(529, (fault and fault.message) or "Overloaded").body
        return await stream(request, self._events(body, said), fault, ("error", error))

    async def _refusal(self, fault: Fault) -> web.Response:
        if fault.kind == "hang_headers":
            await forever()
        if fault.kind == "garbage":
            return web.Response(body=b"data: " + bytes(range(128, 256)) * 20 + b"\n\n", content_type="text/event-stream")
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else None
        return ApiError(fault.status, fault.message or f"refused with {fault.status}").response(headers)

    def _tokens(self, body: dict[str, Any]) -> int:
        texts = [json.dumps(body.get("system", "")), *_texts(body), json.dumps(body.get("tools", ""))]
        return sum(math.ceil(len(said) / self.characters_per_token) for said in texts)

    def _usage(self, body: dict[str, Any], written: int) -> dict[str, Any]:
        """What was read is without what came from the cache or went into it."""
        return {
            "input_tokens": self._tokens(body), "cache_creation_input_tokens": self.stored, "cache_read_input_tokens": self.cached,
            "output_tokens": written, "service_tier": "standard",
        }  # fmt: skip

    def _ended(self, said: Said) -> dict[str, Any]:
        return {"stop_reason": _ENDS[said.end], "stop_sequence": said.sequence}

    def _written(self, said: Said) -> dict[str, Any]:
        total = said.written + self.reasoning + 1
        return {"output_tokens": total, "output_tokens_details": {"thinking_tokens": self.reasoning}}

    def _content(self, said: Said) -> list[dict[str, Any]]:
        content: list[dict[str, Any]] = [{"type": "redacted_thinking", "data": self.cipher}] if self.cipher else []
        if said.thoughts:
            shown = "" if self.omitted else said.thoughts
            content.append({"type": "thinking", "thinking": shown, "signature": signature(shown)})
        if said.text or not said.calls:
            content.append({"type": "text", "text": "".join(said.text)})
        return content + [{"type": "tool_use", "id": id_, "name": name, "input": given} for id_, name, given in said.calls]

    def _events(self, body: dict[str, Any], said: Said) -> Iterator[Event]:
        message = {"id": "msg_fake", "type": "message", "role": "assistant", "model": body["model"], "content": [],
                   "stop_reason": None, "stop_sequence": None, "usage": self._usage(body, 1)}  # fmt: skip
        yield "message_start", {"type": "message_start", "message": message}
        yield "ping", {"type": "ping"}
        for index, block in enumerate(self._content(said)):
            empty = {"text": "", "thinking": "", "signature": "", "input": {}}
            start = {name: empty.get(name, value) if name != "data" else value for name, value in block.items()}
            yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": start}
            for delta in _deltas(block, said):
                yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
            yield "content_block_stop", {"type": "content_block_stop", "index": index}
        usage = self._usage(body, 0) | self._written(said)
        yield "message_delta", {"type": "message_delta", "delta": self._ended(said), "usage": usage}
        yield "message_stop", {"type": "message_stop"}

    def _whole(self, body: dict[str, Any], said: Said) -> dict[str, Any]:
        return {
            "id": "msg_fake", "type": "message", "role": "assistant", "model": body["model"], "content": self._content(said),
            **self._ended(said), "usage": self._usage(body, 0) | self._written(said),
        }  # fmt: skip


def _deltas(block: dict[str, Any], said: Said) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "text":
            for token in said.text:
                yield {"type": "text_delta", "text": token}
        case "thinking":
            for token in tokens_of(block["thinking"]):
                yield {"type": "thinking_delta", "thinking": token}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use":
            for piece in fragments(json.dumps(block["input"]) if block["input"] else ""):
                yield {"type": "input_json_delta", "partial_json": piece}


def _asked(body: dict[str, Any]) -> Asked:
    choice = body.get("tool_choice", {"type": "auto"})
    last = blocks(body["messages"][-1])
    results = [block for block in last if block["type"] == "tool_result"]
    return Asked(
        body=body,
        texts=_texts(body),
        limit=body["max_tokens"] - body.get("thinking", {}).get("budget_tokens", 0),
        schema=((body.get("output_config") or {}).get("format") or {}).get("schema"),
        tools=[(tool["name"], tool["input_schema"]) for tool in body.get("tools", ())],
        choice=choice.get("name") or choice["type"],
        parallel=not choice.get("disable_parallel_tool_use"),
        results=[_shown(result.get("content", "")) for result in results],
        stops=body.get("stop_sequences", []),
        thinks=body.get("thinking", {}).get("type") in ("enabled", "adaptive"),
    )


def _shown(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


def _texts(body: dict[str, Any]) -> list[str]:
    turns = [blocks(turn) for turn in body["messages"] if turn["role"] == "user"]
    return ["".join(block.get("text", "") for block in turn) for turn in turns]


if __name__ == "__main__":
    serve(FakeAnthropic(), 8081)
