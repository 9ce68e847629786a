"""A faithful Gemini API (v1beta) over HTTP: what python-genai sends, what Google answers, and its error bodies.

Strict as the real one is with names: an unknown field of `generationConfig` or of `responseSchema` is refused, while
`responseJsonSchema` takes a JSON Schema. A key that begins with `invalid` is refused; all others are good, unless `keys` is set.
"""

import asyncio
import base64
import json
import math
from typing import Any

from aiohttp import web

from tests.fakes.answerer import answer
from tests.fakes.gemini_rules import camel, check_parts, check_thinking, check_tools
from tests.fakes.server import BEFORE_THE_ANSWER, FakeServer, Fault, forever, serve, tokens_of, vector
from tests.fakes.tools import Call, told, wanted

SIGNATURE = base64.b64encode(b"\xfb\xff signed by the fake").decode()

_CONFIG = frozenset(
    [
        "temperature",
        "topP",
        "topK",
        "maxOutputTokens",
        "stopSequences",
        "candidateCount",
        "seed",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "responseModalities",
        "thinkingConfig",
        "presencePenalty",
        "frequencyPenalty",
        "responseLogprobs",
        "logprobs",
        "mediaResolution",
        "speechConfig",
    ]
)
_BODY = frozenset(
    ["contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "safetySettings", "cachedContent", "model"]
)
_SCHEMA = frozenset(
    [
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "items",
        "maxItems",
        "minItems",
        "properties",
        "required",
        "propertyOrdering",
        "anyOf",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "pattern",
        "example",
        "default",
        "minProperties",
        "maxProperties",
    ]
)
_STATUS = {
    400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL",
    503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
_WORDS = {
    403: "Your project has been denied access. Please contact support.",
    429: "You exceeded your current quota, please check your plan and billing details.",
    500: "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting",
    503: "The model is overloaded. Please try again later.",
    504: "The request timed out. Please try again.",
}
_TEXT = ("generateContent", "countTokens")


def model(
    name: str, context: int = 1_048_576, output: int = 65_536, methods: tuple[str, ...] = _TEXT, **more: Any
) -> dict[str, Any]:
    title = name.replace("-", " ").title()
    return {
        "name": f"models/{name}", "version": "001", "displayName": title, "description": f"{title}, as the fake has it",
        "inputTokenLimit": context, "outputTokenLimit": output, "supportedGenerationMethods": list(methods),
        "temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2, **more,
    }  # fmt: skip


MODELS = (
    model("gemini-2.0-flash", output=8192),
    model("gemini-2.5-pro", thinking=True),
    model("gemini-2.5-flash", thinking=True),
    model("gemini-2.5-flash-lite", thinking=True),
    model("gemini-2.5-flash-image", 32768, 32768),
    model("gemini-2.5-flash-preview-tts", 8192, 16384),
    model("gemini-3.5-flash", thinking=True),
    model("gemini-3.5-flash-lite", thinking=True),
    model("gemini-3.8-flash-preview", thinking=True),
    model("gemini-embedding-001", 2048, 1, ("embedContent", "countTextTokens", "countTokens")),
    model("imagen-4.0-generate-001", 480, 8192, ("predict",)),
)


class ApiError(Exception):
    def __init__(self, code: int, message: str, details: list[dict[str, Any]] | None = None):
        super().__init__(message)
        self.body = {"error": {"code": code, "message": message, "status": _STATUS.get(code, "UNKNOWN")}}
        if details:
            self.body["error"]["details"] = details

    def response(self, headers: dict[str, str] | None = None) -> web.Response:
        return web.json_response(self.body, status=self.body["error"]["code"], headers=headers)


def _bad_key() -> ApiError:
    words = "API key not valid. Please pass a valid API key."
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }  # fmt: skip
    localised = {"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": words}
    return ApiError(400, words, [info, localised])


def _no_key() -> ApiError:
    return ApiError(403, "Method doesn't allow unregistered callers (callers without established identity). Please use API Key "
                         "or other form of API consumer identity to call this API.")  # fmt: skip


def _unknown_name(name: str, where: str) -> ApiError:
    words = f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field."
    return ApiError(400, words, [{"@type": "type.googleapis.com/google.rpc.BadRequest",
                                  "fieldViolations": [{"field": where, "description": words}]}])  # fmt: skip


class FakeGemini(FakeServer):
    """`models` is what it lists, `page_size` how many a page; `keys` the good keys (None: all that are not `invalid…`).

    `calls` are what the next answers call instead of what the prompt names; `thoughts` is shown when thoughts are asked for;
    `cached_tokens` of the prompt came from its cache; `finish` is the reason of the next answer instead of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.models = {entry["name"].removeprefix("models/"): entry for entry in MODELS}
        self.keys: set[str] | None = None
        self.page_size = 50
        self.token_seconds = 0.0
        self.characters_per_token = 4.0
        self.thought_tokens = 0
        self.list_fault: int | None = None
        self.calls: list[list[Call]] = []
        self.call_ids = False
        self.thoughts = "Let me look for the fields."
        self.cached_tokens = 0
        self.finish: str | None = None

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/v1beta/models", self._list),
            web.get("/v1beta/models/{name}", self._get),
            web.post("/v1beta/models/{call}", self._call),
        ]

    def _authorise(self, request: web.Request) -> None:
        key = request.headers.get("x-goog-api-key") or request.query.get("key", "")
        if not key:
            raise _no_key()
        if key.startswith("invalid") or (self.keys is not None and key not in self.keys):
            raise _bad_key()

    async def _list(self, request: web.Request) -> web.Response:
        try:
            self._authorise(request)
            if self.list_fault:
                raise self._failure(self.list_fault)
        except ApiError as error:
            return error.response()
        size = min(int(request.query.get("pageSize", self.page_size)), self.page_size)
        start = int(base64.b64decode(request.query.get("pageToken", "")) or b"0")
        listed = list(self.models.values())
        page: dict[str, Any] = {"models": listed[start : start + size]}
        if start + size < len(listed):
            page["nextPageToken"] = base64.b64encode(str(start + size).encode()).decode()
        return web.json_response(page)

    async def _get(self, request: web.Request) -> web.Response:
        try:
            self._authorise(request)
            return web.json_response(self._find(request.match_info["name"], "getModel"))
        except ApiError as error:
            return error.response()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        name, _, method = request.match_info["call"].partition(":")
        try:
            self._authorise(request)
            try:
                body = camel(json.loads(await request.read() or b"{}"))
            except ValueError:
                raise ApiError(400, "Invalid JSON payload received. Unexpected token.") from None
            entry = self._find(
                name, "generateContent" if "enerateContent" in method else "embedContent" if "mbed" in method else method
            )
            match method:
                case "countTokens":
                    return web.json_response({"totalTokens": self._tokens(body)})
                case "batchEmbedContents":
                    asked = body.get("requests", ())
                    if len(asked) > 100:
                        raise ApiError(400, "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n")
                    vectors = [vector(_embedded(one), one.get("outputDimensionality") or 8) for one in asked]
                    return web.json_response({"embeddings": [{"values": values} for values in vectors]})
                case "generateContent":
                    return await self._generate(request, entry, body, streamed=False)
                case "streamGenerateContent":
                    return await self._generate(request, entry, body, streamed=True)
            raise ApiError(404, f"Unknown method {method}")
        except ApiError as error:
            return error.response()

    def _find(self, name: str, method: str) -> dict[str, Any]:
        entry = self.models.get(name)
        if entry is None or method not in ("getModel", *entry["supportedGenerationMethods"]):
            raise ApiError(404, f"models/{name} is not found for API version v1beta, or is not supported for {method}. "
                                "Call ListModels to see the list of available models and their supported methods.")  # fmt: skip
        return entry

    async def _generate(
        self, request: web.Request, entry: dict[str, Any], body: dict[str, Any], streamed: bool
    ) -> web.StreamResponse:
        self._check(entry, body)
        fault = self.next_fault()
        if fault and fault.kind in BEFORE_THE_ANSWER:
            return await self._refusal(fault, entry, body, streamed)
        config = body.get("generationConfig") or {}
        schema = config.get("responseJsonSchema") or config.get("responseSchema")
        calls = self._wanted(body)
        text = "" if calls else self.text_for(fault, body, lambda: self._say(body, schema))
        chunks = self._chunks(_stopped(text, config), calls, entry, body, fault)
        if not streamed:
            return await self._whole(chunks, fault)
        return await self._stream(request, chunks, fault)

    def _wanted(self, body: dict[str, Any]) -> list[Call]:
        if self.calls:
            return self.calls.pop(0)
        calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
        if calling.get("mode") == "NONE" or _results(body["contents"][-1:]):
            return []
        functions = [one for tool in body.get("tools") or () for one in tool.get("functionDeclarations", ())]
        declared = [(one["name"], one.get("parametersJsonSchema") or {}) for one in functions]
        if calling.get("mode") == "ANY":
            allowed = calling.get("allowedFunctionNames") or [name for name, _ in declared]
            return wanted([*_texts(body), " ".join(allowed)][-1:], [one for one in declared if one[0] in allowed])
        return wanted(_texts(body), declared)

    @staticmethod
    def _say(body: dict[str, Any], schema: dict[str, Any] | None) -> str:
        results = _results(body["contents"])
        return told(json.dumps(one) for one in results) if results and not schema else answer(_texts(body), schema)

    def _check(self, entry: dict[str, Any], body: dict[str, Any]) -> None:
        for name in body.keys() - _BODY:
            raise _unknown_name(name, "")
        config = body.get("generationConfig") or {}
        for name in config.keys() - _CONFIG:
            raise _unknown_name(name, "generation_config")
        if not body.get("contents"):
            raise ApiError(400, "* GenerateContentRequest.contents: contents is not specified\n")
        if "responseSchema" in config:
            _check_schema(config["responseSchema"], "generation_config.response_schema")
        if "responseSchema" in config and "responseJsonSchema" in config:
            raise ApiError(400, "Only one of response_schema and response_json_schema can be set.")
        if "responseJsonSchema" in config and config.get("responseMimeType") != "application/json":
            raise ApiError(400, "response_json_schema requires response_mime_type to be application/json.")
        for words in (
            *check_thinking(entry, config.get("thinkingConfig") or {}),
            *check_tools(body.get("tools") or ()),
            *check_parts(entry, body["contents"]),
        ):
            raise ApiError(400, words)
        if (tokens := self._tokens(body)) > entry["inputTokenLimit"]:
            raise ApiError(
                400,
                f"The input token count ({tokens}) exceeds the maximum number of tokens allowed ({entry['inputTokenLimit']}).",
            )

    def _tokens(self, body: dict[str, Any]) -> int:
        contents = [*body.get("contents", ()), *([body["systemInstruction"]] if body.get("systemInstruction") else [])]
        parts = [part for content in contents for part in content.get("parts", ())]
        return sum(
            258 if "inlineData" in part else math.ceil(len(part.get("text", "")) / self.characters_per_token) for part in parts
        )

    @staticmethod
    def _failure(status: int, message: str | None = None, retry_after: str | None = None) -> ApiError:
        words = message or _WORDS.get(status, f"refused with {status}")
        details = None
        if status == 429:
            details = [
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [
                    {"quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                     "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaValue": "10"}]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_after or '7'}s"},
            ]  # fmt: skip
        return ApiError(status, words, details)

    async def _refusal(self, fault: Fault, entry: dict[str, Any], body: dict[str, Any], streamed: bool) -> web.Response:
        if fault.kind == "hang_headers":
            await forever()
        if fault.kind == "garbage":
            return web.Response(body=b"data: " + bytes(range(128, 256)) * 20 + b"\r\n\r\n", content_type="text/event-stream")
        if fault.kind == "blocked":
            usage = {"promptTokenCount": self._tokens(body), "totalTokenCount": self._tokens(body)}
            reply = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage}
            reply["modelVersion"] = entry["name"].removeprefix("models/")
            if streamed:
                return web.Response(body=_event(reply), content_type="text/event-stream")
            return web.json_response(reply)
        status = 500 if fault.kind == "oom" else fault.status
        headers = {"Retry-After": fault.retry_after} if fault.retry_after and status != 429 else None
        return self._failure(status, fault.message, fault.retry_after).response(headers)

    def _chunks(self, text: str, calls: list[Call], entry: dict[str, Any], body: dict[str, Any], fault: Fault | None):
        """The pieces of a reply; the last one has the finishReason, all have the usage so far."""
        written = 0
        config = body.get("generationConfig") or {}
        limit = config.get("maxOutputTokens", entry["outputTokenLimit"])
        if fault and fault.kind.startswith("endless"):
            while True:
                written += 6
                said = "  \n" * 20 if fault.kind == "endless_spaces" else "word " * 20
                yield self._chunk(entry, body, written, [{"text": said}])
        if fault and fault.kind == "filtered":
            yield {**self._chunk(entry, body, 0, []), "candidates": [{"finishReason": "SAFETY", "index": 0}]}
            return
        thinking = config.get("thinkingConfig") or {}
        if thinking.get("includeThoughts"):
            yield self._chunk(entry, body, 0, [{"text": self.thoughts, "thought": True}])
        signed = bool(thinking.get("includeThoughts")) or entry["name"] >= "models/gemini-3"
        if calls:
            yield self._chunk(entry, body, 8 * len(calls), self._called(calls, signed), self.finish or "STOP")
            return
        pieces = tokens_of(text, 24) or [""]
        for index, piece in enumerate(pieces):
            written += max(1, len(piece) // 4)
            full = written >= limit or (fault is not None and fault.kind == "half")
            last = index == len(pieces) - 1 or written >= limit
            more = {"thoughtSignature": SIGNATURE} if last and signed else {}
            reason = (self.finish or ("MAX_TOKENS" if full else "STOP")) if last else None
            yield self._chunk(entry, body, written, [{"text": piece, **more}], reason)
            if last:
                return

    def _called(self, calls: list[Call], signed: bool) -> list[dict[str, Any]]:
        """Two calls of one turn have one signature: at the first."""
        parts: list[dict[str, Any]] = []
        for index, (name, arguments) in enumerate(calls):
            given = {"id": f"function-call-{index}"} if self.call_ids else {}
            part: dict[str, Any] = {"functionCall": {**given, "name": name, "args": arguments}}
            parts.append(part | ({"thoughtSignature": SIGNATURE} if signed and not index else {}))
        return parts

    def _chunk(
        self, entry: dict[str, Any], body: dict[str, Any], written: int, parts: list[dict[str, Any]], finish: str | None = None
    ) -> dict[str, Any]:
        read = self._tokens(body)
        usage = {
            "promptTokenCount": read, "candidatesTokenCount": written,
            "totalTokenCount": read + written + self.thought_tokens,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": read}],
        }  # fmt: skip
        if self.thought_tokens:
            usage["thoughtsTokenCount"] = self.thought_tokens
        if self.cached_tokens:
            usage["cachedContentTokenCount"] = self.cached_tokens
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        version = entry["name"].removeprefix("models/")
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": version, "responseId": "fakeResponse1"}

    async def _whole(self, chunks: Any, fault: Fault | None) -> web.Response:
        if fault and (fault.kind in ("hang_stream", "cut", "drip") or fault.kind.startswith("endless")):
            await forever()
        pieces = list(chunks)
        last = pieces[-1]
        for candidate in last["candidates"]:
            if "content" in candidate:
                candidate["content"]["parts"] = [
                    {"text": "".join(_said(piece) for piece in pieces)}, *_calls_of(pieces)
                ]  # fmt: skip
        return web.json_response(last)

    async def _stream(self, request: web.Request, chunks: Any, fault: Fault | None) -> web.StreamResponse:
        if request.query.get("alt") != "sse":
            return web.json_response(list(chunks))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        kind = fault.kind if fault else None
        if kind == "huge_line":
            await response.write(b'data: {"candidates":[{"content":{"parts":[{"text":"' + b"x" * (32 << 20) + b'"}]}}]}\r\n\r\n')
        for count, chunk in enumerate(chunks):
            if kind == "cut" and (count > 0 or "finishReason" in chunk["candidates"][0]):
                await response.write(_event(chunk)[: 30 if count else -1])
                return response
            if kind == "hang_stream" and count == 1:
                await forever()
            if kind == "error_in_stream" and count == 1:
                await response.write(_event(self._failure(503).body))
                return response
            await asyncio.sleep(fault.seconds if fault and kind == "drip" else self.token_seconds)
            await response.write(_event(chunk))
        if kind in ("hang_stream", "hang_at_the_end"):
            await forever()
        return response


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\r\n\r\n"


def _said(chunk: dict[str, Any]) -> str:
    return "".join(
        part.get("text", "") for candidate in chunk["candidates"] for part in candidate.get("content", {}).get("parts", ())
    )


def _calls_of(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    parts = [part for chunk in chunks for one in chunk["candidates"] for part in one.get("content", {}).get("parts", ())]
    return [part for part in parts if "functionCall" in part]


def _results(contents: list[dict[str, Any]]) -> list[Any]:
    parts = [part for content in contents for part in content.get("parts", ())]
    return [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]


def _stopped(text: str, config: dict[str, Any]) -> str:
    return min((text.partition(stop)[0] for stop in config.get("stopSequences") or ()), key=len, default=text)


def _texts(body: dict[str, Any]) -> list[str]:
    return ["\n".join(part.get("text", "") for part in content.get("parts", ()))
            for content in body.get("contents", ()) if content.get("role", "user") == "user"]  # fmt: skip


def _embedded(request: dict[str, Any]) -> str:
    return "".join(part.get("text", "") for part in request.get("content", {}).get("parts", ()))


def _check_schema(node: Any, where: str) -> None:
    if not isinstance(node, dict):
        return
    for name in node.keys() - _SCHEMA:
        raise _unknown_name(name, where)
    if isinstance(node.get("type"), list):
        raise ApiError(400, f"Invalid value at '{where}.type' (type), expected a string.")
    for name, child in (node.get("properties") or {}).items():
        _check_schema(child, f"{where}.properties[{name}].value")
    _check_schema(node.get("items"), f"{where}.items")
    for index, child in enumerate(node.get("anyOf") or ()):
        _check_schema(child, f"{where}.any_of[{index}]")


if __name__ == "__main__":
    serve(FakeGemini(), 8090)
