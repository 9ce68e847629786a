"""llama-server as tools/server has it: a router over many models, or a server of one.

Moves are answered at once and go on by themselves: a model is `loading` for the next `looks` at the list. A process that
dies while it loads leaves `failed` and its exit code behind, which stay after later ends too (issue #23257).
"""

from typing import Any

from aiohttp import web

from tests.fakes.engine import FakeEngine
from tests.fakes.server import serve


class FakeLlamaCpp(FakeEngine):
    """`routes_models` is false for a server of one model, the first of `disk`. `states` are the words of the router."""

    def __init__(self, *args: Any, routes_models: bool = True, **named: Any):
        super().__init__(*args, **named)
        self.routes_models = routes_models
        self.states: dict[str, str] = {name: "loaded" if name in self.memory else "unloaded" for name in self.disk}
        self.failed: set[str] = set()
        self.looks = 2
        self.starting = False
        self.dies_while_loading = False
        #: Looks that are left, and the word then, of what moves.
        self.moving: dict[str, tuple[int, str]] = {}

    def routes(self) -> list[web.AbstractRouteDef]:
        moves = [web.post("/models/load", self._load), web.post("/models/unload", self._unload)]
        return [
            web.get("/health", self._health),
            web.get("/props", self._props),
            web.get("/models", self._models),
            web.get("/v1/models", self._models),
            *(moves if self.routes_models else []),
            *self.chats(),
        ]

    def in_memory(self, name: str) -> bool:
        return not self.routes_models or self.states.get(name) == "loaded"

    async def _health(self, _: web.Request) -> web.Response:
        return self._starts() if self.starting else web.json_response({"status": "ok"})

    async def _props(self, request: web.Request) -> web.Response:
        if wrong := self._wrong(request):
            return wrong
        if self.routes_models:
            return self.shown({"role": "router", "max_instances": 4, "models_autoload": True, "build_info": "b11434-abc"})
        return self.shown({"total_slots": 3, "model_path": "/models/secret/small.gguf", "build_info": "b11434-abc"})

    async def _models(self, request: web.Request) -> web.Response:
        if wrong := self._wrong(request):
            return wrong
        if not self.routes_models:
            name = next(iter(self.disk))
            row = {"id": name, "aliases": [], "tags": [], "object": "model", "owned_by": "llamacpp", "meta": self._meta(name)}
            return self.shown({"models": [{"name": name, "model": name}], "object": "list", "data": [row]})
        answer = self.shown({"data": [self._row(name) for name in self.disk], "object": "list"})
        self._go_on()
        return answer

    async def _load(self, request: web.Request) -> web.Response:
        name = (await request.json())["model"]
        if wrong := self._wrong(request) or await self._cannot(request, name, runs=False):
            return wrong
        if not self.lies:
            self.states[name], self.moving[name] = "loading", (self.looks, "loaded")
        return web.json_response({"success": True})

    async def _unload(self, request: web.Request) -> web.Response:
        name = (await request.json())["model"]
        if wrong := self._wrong(request) or await self._cannot(request, name, runs=True):
            return wrong
        if not self.lies:
            self.moving[name] = (self.looks, "unloaded")
        return web.json_response({"success": True})

    async def _cannot(self, request: web.Request, name: str, *, runs: bool) -> web.Response | None:
        if name not in self.disk:
            return self.refusal(404, "model is not found")
        if (self.states[name] != "unloaded") is not runs:
            return self.refusal(400, "model is not running" if runs else "model is already running")
        return await self.trouble(request)

    def _wrong(self, request: web.Request) -> web.Response | None:
        if self.is_shut_out(request):
            return self.refusal(401, "Invalid API Key")
        return self._starts() if self.starting else None

    def _starts(self) -> web.Response:
        return self.refusal(503, "Loading model")

    def _go_on(self) -> None:
        for name, (left, word) in list(self.moving.items()):
            self.moving[name] = (left - 1, word)
            if left <= 1:
                del self.moving[name]
                self.states[name] = "unloaded" if self.dies_while_loading else word
                self.failed |= {name} if self.states[name] == "unloaded" else set()

    def _row(self, name: str) -> dict[str, Any]:
        state = self.states[name]
        status: dict[str, Any] = {"value": state, "args": ["llama-server", "--ctx-size", "4096", "--parallel", "2"]}
        if state == "unloaded" and name in self.failed:
            status |= {"failed": True, "exit_code": 1}
        told = {"meta": self._meta(name)} if state == "loaded" else {}
        return {
            "id": name, "aliases": [f"{name}-alias"], "tags": [], "object": "model", "owned_by": "llamacpp", "created": 1,
            "status": status, "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
            "source": "models_dir", "can_remove": False, **told,
        }  # fmt: skip

    def _meta(self, name: str) -> dict[str, Any]:
        return {"vocab_type": 2, "n_vocab": 32000, "n_ctx_train": 131072, "n_params": 1, "size": self.disk[name]}


if __name__ == "__main__":
    serve(FakeLlamaCpp(), 8080)
