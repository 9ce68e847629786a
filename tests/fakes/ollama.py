"""A faithful Ollama: its native API over HTTP, as server/routes.go and llm/llama_server.go speak it.

It keeps the habits that hurt: streaming is the default, a change of num_ctx reloads the model, a prompt that does not fit is
cut to half the context in silence unless `truncate` or `shift` is false, a loading model is missing from /api/ps, and errors
after the first token come inside the 200. Who waits for whom and what is in memory is the affair of `machine.scheduler`.
"""

import asyncio
import base64
import json
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.fakes.answerer import answer
from tests.fakes.ollama_blobs import Blobs
from tests.fakes.ollama_machine import Broken, Held, Machine
from tests.fakes.ollama_models import FakeModel
from tests.fakes.ollama_options import BadDuration, seconds_of
from tests.fakes.ollama_scheduler import Outcome
from tests.fakes.server import BEFORE_THE_ANSWER, PROSE, FakeServer, Fault, forever, serve, tokens_of, vector
from tests.fakes.tools import Call, told, wanted

VERSION = "0.33.3"
OUT_OF_MEMORY = "llama runner process has terminated: cudaMalloc failed: out of memory"
BUSY = "server busy, please try again.  maximum pending requests exceeded"


RUNNER_GONE = "an error was encountered while running the model: unexpected EOF"
_BREAKS: dict[Outcome, tuple[int, str]] = {"busy": (503, BUSY), "oom": (500, OUT_OF_MEMORY), "cut": (500, RUNNER_GONE)}


class ApiError(Exception):
    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status, self.message = status, message


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": message}, status=status, headers=headers)


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class FakeOllama(FakeServer):
    """`machine` is its disk, its memory and its time; `load_seconds` and `token_seconds` are its speed; `thoughts` what a
    thinker thinks.

    `calls` are what the next answers call instead of what the prompt names; with `call_ids` calls have ids, as newer servers
    give them; `omits_counts` leaves out the counts of tokens, as `omitempty` does with zeros. Families in `ignores_format` write
    prose when they must not think (ollama#14645).
    """

    def __init__(self) -> None:
        super().__init__()
        self.machine = Machine()
        self.blobs = Blobs(self.machine)
        self.token_seconds = 0.0
        self.pull_seconds = 0.0
        self.characters_per_token = 3.6
        self.thoughts = "Let me look for the fields."
        self.honours_truncate = True
        self.calls: list[list[Call]] = []
        self.call_ids = False
        self.omits_counts = False
        self.ignores_format = {"qwen35", "gemma4"}

    @property
    def load_seconds(self) -> float:
        """Of every load, beside what its size takes at the bandwidth of `machine.scheduler.cards`."""
        return self.machine.scheduler.cards.load_floor

    @load_seconds.setter
    def load_seconds(self, seconds: float) -> None:
        self.machine.scheduler.cards.load_floor = seconds

    def routes(self) -> list[web.AbstractRouteDef]:
        posts = {
            "/api/chat": self._chat, "/api/generate": self._generate, "/api/embed": self._embed,
            "/api/embeddings": self._embeddings, "/api/show": self._show, "/api/pull": self._pull,
            "/api/copy": self._copy,
        }  # fmt: skip
        return [
            *(web.post(path, handler) for path, handler in posts.items()),
            web.get("/", self._root),
            web.get("/api/version", self._version),
            web.get("/api/tags", self._tags),
            web.get("/api/ps", self._ps),
            web.delete("/api/delete", self._delete),
            *self.blobs.routes(),
        ]

    async def _root(self, _: web.Request) -> web.Response:
        return web.Response(text="Ollama is running")

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": VERSION})

    async def _tags(self, _: web.Request) -> web.Response:
        return web.json_response({"models": [self._listed(model) for model in self.machine.installed.values()]})

    def _listed(self, model: FakeModel) -> dict[str, Any]:
        remote = {"remote_host": model.remote_host, "remote_model": model.name} if model.remote_host else {}
        return {
            "name": model.name, "model": model.name, "modified_at": "2026-08-20T12:00:00Z", "size": model.size,
            "digest": model.digest, "details": model.details(), "capabilities": list(model.capabilities), **remote,
        }  # fmt: skip

    async def _ps(self, _: web.Request) -> web.Response:
        return web.json_response({"models": await self.machine.listed()})

    async def _show(self, request: web.Request) -> web.Response:
        try:
            body = await self._body(request)
            model = self._model(body)
        except ApiError as error:
            return _error(error.status, error.message)
        if model.name in self.machine.broken:
            return _error(500, "open /root/.ollama/models/blobs/sha256-00: no such file or directory")
        blob = model.blob.replace(":", "-")
        projector = {"projector_info": {"general.architecture": "clip"}} if model.projector else {}
        reply = {
            "modelfile": f"FROM /root/.ollama/models/blobs/{blob}\n", "parameters": 'stop "<eos>"', "template": "{{ .Prompt }}",
            "details": model.details(), "model_info": model.model_info(verbose=bool(body.get("verbose"))),
            "capabilities": list(model.capabilities), "modified_at": "2026-08-20T12:00:00Z", **projector,
        }  # fmt: skip
        return web.json_response(reply)

    async def _copy(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        found = self.machine.copy(body.get("source", ""), body.get("destination", ""))
        return web.Response() if found else _error(404, f'model "{body.get("source")}" not found')

    async def _delete(self, request: web.Request) -> web.Response:
        name = (await self._body(request)).get("model", "")
        model = self.machine.find(name)
        if model is None:
            return _error(404, f"model '{name}' not found")
        del self.machine.installed[model.name]
        self.machine.unload(model)
        return web.Response()

    async def _embed(self, request: web.Request) -> web.Response:
        try:
            body = await self._body(request)
            model = self._model(body)
            if "embedding" not in model.capabilities:
                raise ApiError(501, "this model does not support embeddings")
            inputs = body.get("input") or []
            texts = [inputs] if isinstance(inputs, str) else inputs
            if any(self._tokens(text) > model.context for text in texts) and body.get("truncate") is False:
                raise ApiError(400, "the input length exceeds the context length")
            async with self._held(model, body, generates=bool(texts)) as held:
                if texts and (fault := self.next_fault()) and (response := await self._refusal(fault)):
                    return response
                await held.pause(self.token_seconds if texts else 0)
        except (ApiError, Broken) as error:
            return self._refused(request, error)
        vectors = [vector(text, body.get("dimensions") or 8) for text in texts]
        return web.json_response(
            {"model": body["model"], "embeddings": vectors, "prompt_eval_count": sum(map(self._tokens, texts))}
        )

    async def _embeddings(self, request: web.Request) -> web.Response:
        """The legacy one: a `prompt`, one vector, and text that is too long is always cut."""
        try:
            body = await self._body(request)
            model = self._model(body)
            if "embedding" not in model.capabilities:
                raise ApiError(501, "this model does not support embeddings")
            async with self._held(model, body, generates=bool(body.get("prompt"))):
                pass
        except (ApiError, Broken) as error:
            return self._refused(request, error)
        return web.json_response({"embedding": vector(body["prompt"], 8) if body.get("prompt") else []})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._complete(request, "chat")

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        return await self._complete(request, "generate")

    async def _complete(self, request: web.Request, kind: str) -> web.StreamResponse:
        try:
            body = await self._body(request)
            model = self._model(body)
            if "completion" not in model.capabilities and body.get("keep_alive") != 0:
                raise ApiError(400, f'"{body["model"]}" does not support {kind}')
            if not _user_texts(body):
                return await self._load_or_unload(model, body)
            self._check(model, body)
            fault = self.next_fault()
            if fault and (response := await self._refusal(fault)):
                return response
            async with self._held(model, body, generates=True) as held:
                return await self._reply(request, model, body, kind, held, fault)
        except (ApiError, Broken) as error:
            return self._refused(request, error)

    async def _reply(
        self, request: web.Request, model: FakeModel, body: dict[str, Any], kind: str, held: Held, fault: Fault | None
    ) -> web.StreamResponse:
        read, texts = self._prompt_tokens(held.context, body), _user_texts(body)
        calls = self._wanted(body, texts)
        text = "" if calls else self.text_for(fault, body, lambda: self._say(body, model, texts))
        lines = self._lines(body, model, _stopped(text, body), calls, read, fault, kind)
        if body.get("stream") is False:
            said = [line async for line in lines]
            await held.pause(self.token_seconds * len(said))
            return web.json_response(_joined(said))
        return await self._stream(request, lines, fault, held)

    @staticmethod
    def _refused(request: web.Request, error: ApiError | Broken) -> web.Response:
        if isinstance(error, ApiError):
            return _error(error.status, error.message)
        if error.outcome == "gone" and request.transport is not None:
            request.transport.abort()
        return _error(*_BREAKS.get(error.outcome, (500, RUNNER_GONE)))

    def _wanted(self, body: dict[str, Any], texts: list[str]) -> list[Call]:
        if self.calls:
            return self.calls.pop(0)
        if body["messages"][-1]["role"] == "tool" if body.get("messages") else True:
            return []
        functions = [tool["function"] for tool in body.get("tools") or ()]
        return wanted(texts, [(function["name"], function.get("parameters") or {}) for function in functions])

    def _say(self, body: dict[str, Any], model: FakeModel, texts: list[str]) -> str:
        if model.family in self.ignores_format and body.get("think") is False and body.get("format"):
            return PROSE
        results = [message["content"] for message in body.get("messages", ()) if message["role"] == "tool"]
        return told(results) if results and not body.get("format") else answer(texts, _schema(body))

    async def _body(self, request: web.Request) -> dict[str, Any]:
        try:
            body = json.loads(await request.read() or b"null")
        except ValueError as error:
            raise ApiError(400, str(error)) from None
        if not isinstance(body, dict):
            raise ApiError(400, "missing request body")
        try:
            seconds_of(body.get("keep_alive") or 0)
        except BadDuration as error:
            raise ApiError(400, str(error)) from None
        return {**body, "model": body.get("model") or body.get("name")}

    def _model(self, body: dict[str, Any]) -> FakeModel:
        if not body["model"]:
            raise ApiError(400, "model is required")
        if (model := self.machine.find(body["model"])) is None:
            raise ApiError(404, f'model "{body["model"]}" not found, try pulling it first')
        return model

    @staticmethod
    def _check(model: FakeModel, body: dict[str, Any]) -> None:
        wanted = body.get("format")
        if wanted not in (None, "", "json") and not isinstance(wanted, dict):
            raise ApiError(400, f'invalid format: {json.dumps(wanted)}; expected "json" or a valid JSON Schema object')
        if body.get("think") and "thinking" not in model.capabilities:
            raise ApiError(400, f'"{body["model"]}" does not support thinking')
        if body.get("tools") and "tools" not in model.capabilities:
            raise ApiError(400, f"registry.ollama.ai/library/{model.name} does not support tools")
        for message in body.get("messages", ()):
            if any(not isinstance(call["function"]["arguments"], dict) for call in message.get("tool_calls", ())):
                words = "json: cannot unmarshal string into Go struct field ChatRequest.messages.tool_calls.function.arguments"
                raise ApiError(400, words + " of type map[string]interface {}")
            for image in message.get("images", ()):
                if image.startswith("data:") or not _is_base64(image):
                    raise ApiError(400, "illegal base64 data at input byte 4")
            if message.get("images") and "vision" not in model.capabilities:
                raise ApiError(500, "this model is missing data required for image input")

    async def _load_or_unload(self, model: FakeModel, body: dict[str, Any]) -> web.Response:
        """A question without words; the unload is a request, not a confirmation."""
        reason = "load"
        if body.get("keep_alive") is not None and seconds_of(body["keep_alive"]) == 0:
            self.machine.unload(model)
            reason = "unload"
        else:
            async with self._held(model, body, generates=False):
                pass
        said = {"message": {"role": "assistant", "content": ""}} if "messages" in body else {"response": ""}
        return web.json_response({"model": body["model"], "created_at": _now(), **said, "done": True, "done_reason": reason})

    def _held(self, model: FakeModel, body: dict[str, Any], *, generates: bool) -> AbstractAsyncContextManager[Held]:
        keep_alive = body.get("keep_alive")
        return self.machine.held(
            model,
            self.machine.options(model, body.get("options") or {}, body.get("shift")),
            None if keep_alive is None else seconds_of(keep_alive),
            generates=generates,
        )

    def _tokens(self, text: str) -> int:
        return math.ceil(len(text) / self.characters_per_token)

    def _prompt_tokens(self, context: int, body: dict[str, Any]) -> int:
        """Tokens evaluated of the prompt. Too long: an error, or half the context in silence (llm/llama_server.go)."""
        said = [message.get("content", "") for message in body.get("messages", ())] or [body.get("prompt", "")]
        tokens = sum(self._tokens(text) + 4 for text in said)
        if tokens < context:
            return tokens
        if self.honours_truncate and body.get("truncate") is False:
            detail = {
                "code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": tokens, "n_ctx": context,
                "message": f"request ({tokens} tokens) exceeds the available context size ({context} tokens), try increasing it",
            }  # fmt: skip
            raise ApiError(400, json.dumps({"error": detail}))
        if self.honours_truncate and body.get("shift") is False:
            raise ApiError(400, "the prompt is longer than the context length currently available to the model")
        return context - (context - 5) // 2

    async def _refusal(self, fault: Fault) -> web.Response | None:
        if fault.kind not in BEFORE_THE_ANSWER:
            return None
        if fault.kind == "hang_headers":
            await forever()
        if fault.kind == "oom":
            return _error(500, OUT_OF_MEMORY)
        if fault.kind == "garbage":
            return web.Response(body=bytes(range(128, 256)) * 20 + b"\n", content_type="application/x-ndjson")
        words = fault.message or (BUSY if fault.status == 503 else f"refused with {fault.status}")
        return _error(fault.status, words, {"Retry-After": fault.retry_after} if fault.retry_after else None)

    async def _lines(
        self, body: dict[str, Any], model: FakeModel, text: str, calls: list[Call], read: int, fault: Fault | None, kind: str
    ) -> AsyncIterator[dict[str, Any]]:
        head = {"model": body["model"], "created_at": _now()}

        def piece(content: str, **more: Any) -> dict[str, Any]:
            if kind == "generate":
                return {**head, "response": content, **more, "done": False}
            return {**head, "message": {"role": "assistant", "content": content, **more}, "done": False}

        written, reason = 0, "stop"
        limit = (body.get("options") or {}).get("num_predict", -1)
        thoughts = self.thoughts if "thinking" in model.capabilities and body.get("think") is not False else ""
        tokens = [("", part) for part in tokens_of(thoughts)] + [(part, "") for part in _said(text, fault)]
        for content, thinking in _endless(tokens, fault):
            if 0 <= limit <= written:
                reason = "length"
                break
            written += 1
            yield piece(content, thinking=thinking) if thinking else piece(content)
        for index, (name, arguments) in enumerate(calls):
            written += 1
            given = {"id": f"call_{index}_{name}"} if self.call_ids else {}
            yield piece("", tool_calls=[{**given, "function": {"index": 0, "name": name, "arguments": arguments}}])
        if fault and fault.kind == "half":
            reason = "length"
        counts = {} if self.omits_counts else {"prompt_eval_count": read, "eval_count": written}
        context = {"context": [1, 2, 3]} if kind == "generate" and not body.get("raw") else {}
        yield {
            **piece(""), "done": True, "done_reason": reason, **context, "total_duration": 900_000_000,
            "load_duration": 50_000_000, **counts, "prompt_eval_duration": 300_000_000, "eval_duration": 500_000_000,
        }  # fmt: skip

    async def _stream(
        self, request: web.Request, lines: AsyncIterator[dict[str, Any]], fault: Fault | None, held: Held
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        kind = fault.kind if fault else None
        if kind == "huge_line":
            await response.write(b'{"message":{"content":"' + b"x" * (32 << 20) + b'"}}\n')
        count = 0
        async for line in lines:
            if kind == "cut" and (line["done"] or count > 3):
                return response
            if count == 1 and kind == "hang_stream":
                await forever()
            if count == 1 and kind == "error_in_stream":
                await response.write(
                    _line({"error": fault.message or "an error was encountered while running the model: unexpected EOF"})
                )
                return response
            try:
                await held.pause(fault.seconds if fault and kind == "drip" else self.token_seconds)
            except Broken as broken:
                return await self._break(request, response, broken)
            await response.write(_line(line))
            count += 1
        if kind == "hang_at_the_end":
            await forever()
        await self.machine.timeline.sleep(self.token_seconds)
        return response

    @staticmethod
    async def _break(request: web.Request, response: web.StreamResponse, broken: Broken) -> web.StreamResponse:
        """The end of a stream whose runner went away: an error inside the 200, or just no last line."""
        if broken.outcome == "oom":
            await response.write(_line({"error": OUT_OF_MEMORY}))
        if broken.outcome == "gone" and request.transport is not None:
            request.transport.abort()
        return response

    async def _pull(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        model = self.machine.library.get(self.machine.full_name(body["model"] or ""))
        steps = self.machine.pull(model)
        if body.get("stream") is False:
            if model is None:
                return _error(500, "pull model manifest: file does not exist")
            return web.json_response([step async for step in steps][-1])
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        fault = self.next_fault()
        count = 0
        async for step in steps:
            if fault and count == 2:
                if fault.kind == "error_in_stream":
                    await response.write(_line({"error": fault.message or "max retries exceeded: unexpected EOF"}))
                if fault.kind == "hang_stream":
                    await forever()
                if fault.kind in ("error_in_stream", "cut"):
                    return response
            await response.write(_line(step))
            await asyncio.sleep(self.pull_seconds)
            count += 1
        return response


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def _said(text: str, fault: Fault | None) -> list[str]:
    return [] if fault and fault.kind.startswith("endless") else tokens_of(text)


def _endless(tokens: list[tuple[str, str]], fault: Fault | None):
    yield from tokens
    while fault and fault.kind.startswith("endless"):
        yield ("  \n" if fault.kind == "endless_spaces" else "word ", "")


def _stopped(text: str, body: dict[str, Any]) -> str:
    stops = (body.get("options") or {}).get("stop") or []
    return min((text.partition(stop)[0] for stop in stops), key=len, default=text)


def _joined(lines: list[dict[str, Any]]) -> dict[str, Any]:
    last = lines[-1]
    inner = "message" in last
    pieces = [line["message"] if inner else line for line in lines]
    whole: dict[str, Any] = {}
    for name in ("content", "response", "thinking"):
        if any(name in piece for piece in pieces):
            whole[name] = "".join(piece.get(name, "") for piece in pieces)
    if calls := [call for piece in pieces for call in piece.get("tool_calls", ())]:
        whole["tool_calls"] = calls
    return {**last, "message": {"role": "assistant", **whole}} if inner else {**last, **whole}


def _user_texts(body: dict[str, Any]) -> list[str]:
    if "messages" in body:
        return [message.get("content", "") for message in body["messages"] if message.get("role") == "user"]
    return [body["prompt"]] if body.get("prompt") else []


def _schema(body: dict[str, Any]) -> dict[str, Any] | None:
    return body["format"] if isinstance(body.get("format"), dict) else None


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False


if __name__ == "__main__":
    serve(FakeOllama(), 11434)
