"""A faithful OpenAI: chat completions, embeddings and models over HTTP, with its stream, its usage and its errors.

`refused` are parameters that its models do not support; a key that begins with `invalid` is refused. What a model says is
read from the document, or scripted: `answers` are texts, `replies` whole messages ({content, tool_calls, reasoning_content,
refusal, finish_reason}). Without a script a model calls the tools that the user named, else the first two.
Source: platform.openai.com/docs/api-reference.
"""

import base64
import json
import math
import struct
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from tests.fakes.answerer import answer
from tests.fakes.events import Event, pieces, stream
from tests.fakes.openai_checks import ApiError, check
from tests.fakes.server import BEFORE_THE_ANSWER, FakeServer, Fault, forever, serve, tokens_of, vector
from tests.fakes.tools import Call, told, wanted

_WORDS = {
    429: ("Rate limit reached for requests", "requests", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request. Sorry about that!", "server_error", None),
    503: ("The engine is currently overloaded, please try again later", "server_error", None),
}
_OUT_OF_MEMORY = "CUDA error: out of memory"
_CREATED = 1_760_000_000


class FakeOpenAI(FakeServer):
    """`models` is what it lists: name → context in tokens, which local hosts tell and OpenAI does not (None).

    `strict` checks bodies as OpenAI does; `also_known` are members that another host takes beside them. `cached` and
    `reasoning` are tokens of that kind in every answer; `preface` is a chunk that comes before all others,
    and `unasked` tells the usage with the end, as hosts do that know no `stream_options`. `calls` are what the next answers
    call instead of what the prompt names; without `call_ids` calls have numbers for ids, as TGI's have. `thoughts` are shown
    by hosts that show them (`shows_thoughts`) when they are asked to think.
    """

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[str, int | None] = {
            "gpt-5-mini": 400_000, "gpt-4o-mini": 128_000, "text-embedding-3-small": 8191,
        }  # fmt: skip
        self.refused: set[str] = set()
        self.replies: list[dict[str, Any]] = []
        self.also_known: set[str] = set()
        self.strict = True
        self.needs_key = True
        self.characters_per_token = 4.0
        self.cached = self.reasoning = 0
        self.preface: dict[str, Any] | None = None
        self.unasked = False
        self.calls: list[list[Call]] = []
        self.call_ids = True
        self.shows_thoughts = False
        self.thoughts = "Let me look for the fields."

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.post("/v1/chat/completions", self.chat),
            web.post("/v1/completions", self._complete),
            web.post("/v1/embeddings", self._embed),
            web.get("/v1/models", self._list),
        ]

    def key_of(self, request: web.Request) -> str:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return key if scheme == "Bearer" else ""

    def model_of(self, request: web.Request, body: dict[str, Any]) -> str:
        if not body.get("model"):
            raise ApiError(400, "you must provide a model parameter")
        return body["model"]

    def _authorise(self, request: web.Request) -> None:
        key = self.key_of(request)
        if self.needs_key and not key:
            raise ApiError(401, "You didn't provide an API key.")
        if key.startswith("invalid"):
            raise ApiError(401, f"Incorrect API key provided: {key[:8]}***.", code="invalid_api_key")

    async def _read(self, request: web.Request) -> dict[str, Any]:
        self._authorise(request)
        try:
            body = json.loads(await request.read())
        except ValueError:
            raise ApiError(400, "We could not parse the JSON body of your request.") from None
        name = self.model_of(request, body)
        if name not in self.models:
            words = f"The model `{name}` does not exist or you do not have access to it."
            raise ApiError(404, words, code="model_not_found")
        for parameter in sorted(self.refused & body.keys()):
            words = f"Unsupported parameter: '{parameter}' is not supported with this model."
            raise ApiError(400, words, param=parameter, code="unsupported_parameter")
        if nulls := [key for key, value in body.items() if value is None]:  # vLLM does, OpenAI for most members
            raise ApiError(400, f"Invalid type for '{nulls[0]}': expected something, but got null instead.", param=nulls[0])
        return {**body, "model": name}

    async def _list(self, request: web.Request) -> web.Response:
        try:
            self._authorise(request)
        except ApiError as error:
            return error.response()
        data = [
            {"id": name, "object": "model", "created": _CREATED, "owned_by": "fake"} | ({"max_model_len": size} if size else {})
            for name, size in self.models.items()
        ]
        return web.json_response({"object": "list", "data": data})

    async def _embed(self, request: web.Request) -> web.Response:
        try:
            body = await self._read(request)
            if "embed" not in body["model"]:
                raise ApiError(403, "You are not allowed to generate embeddings from this model")
        except ApiError as error:
            return error.response()
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        data = []
        for index, text in enumerate(texts):
            values = vector(str(text), body.get("dimensions") or 8)
            packed = base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
            shown = packed if body.get("encoding_format") == "base64" else values
            data.append({"object": "embedding", "index": index, "embedding": shown})
        tokens = sum(self._tokens(str(text)) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return web.json_response({"object": "list", "data": data, "model": body["model"], "usage": usage})

    def _tokens(self, text: str) -> int:
        return math.ceil(len(text) / self.characters_per_token)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await self._read(request)
            if "embed" in body["model"]:
                raise ApiError(403, "You are not allowed to sample from this model")
            if self.strict:
                check(body, self.also_known)
            fault = self.next_fault()
            if fault and fault.kind in BEFORE_THE_ANSWER:
                return await self._refusal(fault)
        except ApiError as error:
            return error.response()
        message = self._message(body, fault)
        read = sum(self._tokens(text) for text in _texts(body)) + 4
        if not body.get("stream"):
            return web.json_response(self._whole(body, message, read, fault))
        error = {
            "error": {"message": (fault and fault.message) or "The server had an error", "type": "server_error", "code": None}
        }
        return await stream(request, self._chunks(body, message, read, fault), fault, (None, error))

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        """As servers of open models do it; OpenAI's own has it for models that are gone."""
        try:
            body = await self._read(request)
        except ApiError as error:
            return error.response()
        *said, (_, finish) = pieces(self.text_for(None, body, lambda: answer([body["prompt"]], None)), _limit(body), None)
        read, head = (
            self._tokens(body["prompt"]),
            {"id": "cmpl-fake", "object": "text_completion", "created": _CREATED, "model": body["model"]},
        )
        if not body.get("stream"):
            choice = {"index": 0, "text": "".join(token for token, _ in said), "logprobs": None, "finish_reason": finish}
            return web.json_response({**head, "choices": [choice], "usage": self._usage(read, len(said))})
        events = [
            (None, {**head, "choices": [{"index": 0, "text": token, "logprobs": None, "finish_reason": reason}]})
            for token, reason in (*said, ("", finish))
        ]
        counts = {**head, "choices": [], "usage": self._usage(read, len(said))}
        return await stream(request, iter([*events, (None, counts), (None, "[DONE]")]), None, (None, {}))

    def _message(self, body: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
        if self.replies:
            return self.replies.pop(0)
        calls = [] if fault or self.answers else self._wanted(body)
        shown = {"reasoning_content": self.thoughts} if self.shows_thoughts and _is_thinking(body) else {}
        if calls:
            return {"content": None, **shown, "tool_calls": [
                {"id": f"call_{place}_{name}" if self.call_ids else str(place), "type": "function",
                 "function": {"name": name, "arguments": json.dumps(arguments)}}
                for place, (name, arguments) in enumerate(calls)
            ]}  # fmt: skip
        text = self.text_for(fault, body, lambda: _say(body))
        stops = [body["stop"]] if isinstance(body.get("stop"), str) else body.get("stop") or ()
        return shown | {"content": min((text.partition(stop)[0] for stop in stops), key=len, default=text)}

    def _wanted(self, body: dict[str, Any]) -> list[Call]:
        if self.calls:
            return self.calls.pop(0)
        choice = body.get("tool_choice", "auto")
        if choice == "none" or body["messages"][-1]["role"] == "tool":
            return []
        declared = [(tool["function"]["name"], tool["function"].get("parameters") or {}) for tool in body.get("tools") or ()]
        texts = _texts(body)
        if choice != "auto":
            allowed = [choice["function"]["name"]] if isinstance(choice, dict) else [name for name, _ in declared]
            declared, texts = [one for one in declared if one[0] in allowed], [*texts, " ".join(allowed)][-1:]
        unnamed = [(name, dict.fromkeys(schema.get("properties", {}), "São Paulo")) for name, schema in declared[:2]]
        return (wanted(texts, declared) or unnamed)[: None if body.get("parallel_tool_calls", True) else 1]

    async def _refusal(self, fault: Fault) -> web.Response:
        if fault.kind == "hang_headers":
            await forever()
        if fault.kind == "garbage":
            return web.Response(body=b"data: " + bytes(range(128, 256)) * 20 + b"\n\n", content_type="text/event-stream")
        if fault.kind == "oom":
            return ApiError(500, _OUT_OF_MEMORY, "server_error").response()
        words, kind, code = _WORDS.get(fault.status, (f"refused with {fault.status}", "invalid_request_error", None))
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else None
        return ApiError(fault.status, fault.message or words, kind, code=code).response(headers)

    def _chunks(self, body: dict[str, Any], message: dict[str, Any], read: int, fault: Fault | None) -> Iterator[Event]:
        head = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": _CREATED, "model": body["model"],
                "service_tier": "default", "system_fingerprint": "fp_fake"}  # fmt: skip
        counted = (body.get("stream_options") or {}).get("include_usage")
        rest = {"usage": None} if counted else {}

        def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
            return {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], **rest}

        if self.preface:
            yield None, {**head, "id": "", **self.preface}
        yield None, chunk({"role": "assistant", "content": "", "refusal": None})
        written = 0
        for delta, finish in _deltas(message, _limit(body), fault):
            written += bool(delta)
            counts = {"usage": self._usage(read, written)} if finish and self.unasked else {}
            yield None, chunk(delta, finish) | counts
        if counted:
            yield None, {**head, "choices": [], "usage": self._usage(read, written)}
        yield None, "[DONE]"

    def _whole(self, body: dict[str, Any], message: dict[str, Any], read: int, fault: Fault | None) -> dict[str, Any]:
        *said, (_, finish) = _deltas(message, _limit(body), fault)
        whole = {"role": "assistant", "refusal": None} | message
        if message.get("content"):
            whole["content"] = "".join(delta.get("content", "") for delta, _ in said)
        return {
            "id": "chatcmpl-fake", "object": "chat.completion", "created": _CREATED, "model": body["model"],
            "choices": [{"index": 0, "message": whole, "logprobs": None, "finish_reason": finish}],
            "usage": self._usage(read, len(said)), "service_tier": "default", "system_fingerprint": "fp_fake",
        }  # fmt: skip

    def _usage(self, read: int, written: int) -> dict[str, Any]:
        written += self.reasoning
        more = {"reasoning_tokens": self.reasoning, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}
        return {
            "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": self.cached, "audio_tokens": 0}, "completion_tokens_details": more,
        }  # fmt: skip


def _limit(body: dict[str, Any]) -> int:
    return body.get("max_completion_tokens") or body.get("max_tokens") or 1 << 30


def _say(body: dict[str, Any]) -> str:
    shape = body.get("response_format") or {}
    schema = shape.get("value") or (shape.get("json_schema") or {}).get("schema")
    results = [message["content"] for message in body["messages"] if message["role"] == "tool"]
    return told(results) if results and not shape else answer(_texts(body), schema)


def _is_thinking(body: dict[str, Any]) -> bool:
    if "chat_template_kwargs" in body:
        return body["chat_template_kwargs"]["enable_thinking"]
    told = body.get("reasoning_effort") or body.get("reasoning", {}).get("effort", "some" if "reasoning" in body else "none")
    return told != "none"


def _deltas(message: dict[str, Any], limit: int, fault: Fault | None) -> Iterator[tuple[dict[str, Any], str | None]]:
    """The pieces of a message, each with None, and {} with why it ended. Arguments of calls come in pieces by their index."""
    for name in ("reasoning_content", "reasoning", "refusal"):
        for token in tokens_of(message.get(name) or ""):
            yield {name: token}, None
    finish = "stop"
    if message.get("content") is not None:
        for token, reason in pieces(message["content"], limit, fault):
            if reason is None:
                yield {"content": token}, None
            finish = reason or finish
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        named = {"name": function["name"], "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": named}]}, None
        for token in tokens_of(function["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": token}}]}, None
        finish = "tool_calls"
    yield {}, message.get("finish_reason", finish)


def _texts(body: dict[str, Any]) -> list[str]:
    contents = [message.get("content") for message in body["messages"] if message.get("role") == "user"]
    parts = [[{"text": one}] if isinstance(one, str) else one or [] for one in contents]
    return ["".join(part.get("text", "") for part in group) for group in parts]


if __name__ == "__main__":
    serve(FakeOpenAI(), 1234)
