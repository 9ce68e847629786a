"""A faithful Cohere: version 2 of its chat and embeddings, its models, its events, its two kinds of usage and its errors.

A key that begins with `invalid` is refused. Source: docs.cohere.com/reference/chat-stream, /embed, /list-models, /errors.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from tests.fakes.cohere_checks import ApiError, FakeCommand, check, model_of
from tests.fakes.events import Event, stream
from tests.fakes.server import BEFORE_THE_ANSWER, Fault, forever, serve, tokens_of, vector
from tests.fakes.speaking import Asked, FakeSpeaker, Said, fragments

_ENDS = {"stop": "COMPLETE", "length": "MAX_TOKENS", "sequence": "STOP_SEQUENCE", "tools": "TOOL_CALL"}
_ALL = ("tools", "json_mode", "json_schema", "strict_tools", "tool_choice", "reasoning", "vision")
#: Tokens that Cohere puts around a prompt: read by the model, and not billed.
_AROUND = 70


class FakeCohere(FakeSpeaker):
    """Models that reason do so unless they are told not to. `plan` is told before calls of tools; `vectors` come instead of
    the right ones."""

    def __init__(self) -> None:
        super().__init__()
        self.models = {
            "command-a-03-2025": FakeCommand(),
            "command-a-plus-05-2026": FakeCommand(features=_ALL),
            "command-a-reasoning-08-2025": FakeCommand(features=_ALL[:-1]),
            "command-r-08-2024": FakeCommand(128_000, features=("tools", "json_mode", "json_schema"), schemas=False),
            "embed-v4.0": FakeCommand(128_000, ("embed",), ()),
        }
        self.plan = ""
        self.vectors: list[Any] | None = None

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.post("/v2/chat", self._chat), web.post("/v2/embed", self._embed), web.get("/v1/models", self._list)]

    async def _read(self, request: web.Request) -> dict[str, Any]:
        self._authorise(request)
        try:
            return json.loads(await request.read())
        except ValueError:
            raise ApiError(400, "invalid request: the body is not valid JSON.") from None

    @staticmethod
    def _authorise(request: web.Request) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            raise ApiError(401, "no api key supplied")
        if key.startswith("invalid"):
            raise ApiError(401, "invalid api token")

    async def _list(self, request: web.Request) -> web.Response:
        """Two models a page, so that whoever reads one page alone misses some."""
        try:
            self._authorise(request)
        except ApiError as error:
            return error.response()
        start = int(request.query.get("page_token", "0"))
        names = list(self.models)[start : start + 2]
        told = [
            {"name": name, "is_deprecated": False, "endpoints": list(model.endpoints), "finetuned": False,
             "context_length": float(model.context), "tokenizer_url": None, "default_endpoints": [],
             "features": list(model.features) or None}
            for name, model in self.models.items() if name in names
        ]  # fmt: skip
        more = {"next_page_token": str(start + 2)} if start + 2 < len(self.models) else {}
        return web.json_response({"models": told} | more)

    async def _embed(self, request: web.Request) -> web.Response:
        try:
            body = await self._read(request)
            model = model_of(body, self.models)
            if "embed" not in model.endpoints:
                raise ApiError(400, f"invalid request: model '{body['model']}' is not supported by the embed API")
            if len(body["texts"]) > 96:
                raise ApiError(400, f"invalid request: total number of texts must be at most 96 - received {len(body['texts'])}")
            for name in ("input_type", "embedding_types"):
                if not body.get(name):
                    raise ApiError(400, f"invalid request: valid {name} must be provided with the provided model")
        except ApiError as error:
            return error.response()
        vectors = self.vectors or [vector(text, body.get("output_dimension") or 8) for text in body["texts"]]
        billed = {"input_tokens": float(sum(self._tokens(text) for text in body["texts"]))}
        return web.json_response({
            "id": "fake", "response_type": "embeddings_by_type", "texts": body["texts"], "embeddings": {"float": vectors},
            "meta": {"api_version": {"version": "2"}, "billed_units": billed},
        })  # fmt: skip

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await self._read(request)
            model = check(body, self.models)
            fault = self.next_fault()
            if fault and fault.kind in BEFORE_THE_ANSWER:
                return await self._refusal(fault)
        except ApiError as error:
            return error.response()
        said = self.say(_asked(body, model), fault)
        if not body.get("stream"):
            return web.json_response(self._whole(body, said))
        words = (fault and fault.message) or "internal server error, this has been reported to our developers."
        ended = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": words}}
        return await stream(request, self._events(body, said), fault, ("message-end", ended))

    async def _refusal(self, fault: Fault) -> web.Response:
        if fault.kind == "hang_headers":
            await forever()
        if fault.kind == "garbage":
            return web.Response(body=b"data: " + bytes(range(128, 256)) * 20 + b"\n\n", content_type="text/event-stream")
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else None
        return ApiError(fault.status, fault.message or f"refused with {fault.status}").response(headers)

    def _tokens(self, text: str) -> int:
        return math.ceil(len(text) / self.characters_per_token)

    def _usage(self, body: dict[str, Any], said: Said) -> dict[str, Any]:
        read = sum(self._tokens(text) for text in [*_texts(body, "system"), *_texts(body, "user")])
        written = said.written + len(tokens_of(said.thoughts)) + 1
        return {
            "billed_units": {"input_tokens": float(read), "output_tokens": float(written)},
            "tokens": {"input_tokens": float(read + _AROUND), "output_tokens": float(written)},
            "cached_tokens": float(self.cached),
        }

    def _events(self, body: dict[str, Any], said: Said) -> Iterator[Event]:
        def told(kind: str, index: int | None, message: dict[str, Any] | None = None) -> Event:
            place = {} if index is None else {"index": index}
            return kind, {"type": kind, **place} | ({"delta": {"message": message}} if message is not None else {})

        begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        yield "message-start", {"type": "message-start", "id": "fake", "delta": {"message": begun}}
        blocks = [("thinking", tokens_of(said.thoughts))] if said.thoughts else []
        blocks += [("text", said.text)] if said.text or not said.calls else []
        for token in tokens_of(self.plan) if said.calls else ():
            yield told("tool-plan-delta", None, {"tool_plan": token})
        for index, (kind, tokens) in enumerate(blocks):
            yield told("content-start", index, {"content": {"type": kind, kind: ""}})
            for token in tokens:
                yield told("content-delta", index, {"content": {kind: token}})
            yield told("content-end", index)
        for index, (id_, name, given) in enumerate(said.calls):
            call = {"id": id_, "type": "function", "function": {"name": name, "arguments": ""}}
            yield told("tool-call-start", index, {"tool_calls": call})
            for piece in fragments(json.dumps(given)):
                yield told("tool-call-delta", index, {"tool_calls": {"function": {"arguments": piece}}})
            yield told("tool-call-end", index)
        ended = {"finish_reason": _ENDS[said.end], "usage": self._usage(body, said)}
        yield "message-end", {"type": "message-end", "delta": ended}

    def _whole(self, body: dict[str, Any], said: Said) -> dict[str, Any]:
        content = [{"type": "thinking", "thinking": said.thoughts}] if said.thoughts else []
        content += [{"type": "text", "text": "".join(said.text)}] if said.text or not said.calls else []
        calls = [
            {"id": id_, "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
            for id_, name, given in said.calls
        ]
        message = {"role": "assistant"} | ({"content": content} if content else {})
        message |= {"tool_calls": calls, "tool_plan": self.plan} if calls else {}
        return {"id": "fake", "message": message, "finish_reason": _ENDS[said.end], "usage": self._usage(body, said)}


def _asked(body: dict[str, Any], model: FakeCommand) -> Asked:
    turns = body["messages"]
    last = len(turns) - next((place for place, turn in enumerate(reversed(turns)) if turn["role"] != "tool"), 0)
    tools = [(tool["function"]["name"], tool["function"]["parameters"]) for tool in body.get("tools", ())]
    return Asked(
        body=body,
        texts=_texts(body, "user"),
        limit=body.get("max_tokens") or 1 << 30,
        schema=_schema(body),
        tools=tools,
        choice={"REQUIRED": "any", "NONE": "none"}.get(body.get("tool_choice", ""), "auto"),
        results=[_words(turn["content"]) for turn in turns[last:]],
        stops=body.get("stop_sequences", []),
        thinks="reasoning" in model.features and body.get("thinking", {}).get("type") != "disabled",
    )


def _schema(body: dict[str, Any]) -> dict[str, Any] | None:
    """That of the form; without one, what a good model reads in the words of the system."""
    form = body.get("response_format")
    if form is None:
        return None
    told = [text for text in _texts(body, "system") if "JSON Schema" in text]
    spoken = json.loads(told[0][told[0].index("{") :]) if told else {"type": "object", "properties": {}}
    return form.get("json_schema") or spoken


def _texts(body: dict[str, Any], role: str) -> list[str]:
    return [_words(turn.get("content", "")) for turn in body["messages"] if turn["role"] == role]


def _words(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


if __name__ == "__main__":
    serve(FakeCohere(), 8082)
