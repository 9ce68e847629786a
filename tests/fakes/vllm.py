"""vLLM's server as vllm/entrypoints has it: one model, and with its development mode the addresses for its sleep."""

from typing import Any

from aiohttp import web

from tests.fakes.engine import FakeEngine
from tests.fakes.server import serve


class FakeVllm(FakeEngine):
    """It serves the first model of `disk`, which is asleep unless it is in `memory`. `develops`: VLLM_SERVER_DEV_MODE=1;
    `adapters` are LoRAs on top of it; `starting` makes its health check fail."""

    def __init__(self, *args: Any, develops: bool = True, adapters: tuple[str, ...] = (), **named: Any):
        super().__init__(*args, **named)
        self.develops = develops
        self.adapters = adapters
        self.starting = False
        self.served = next(iter(self.disk))

    def routes(self) -> list[web.AbstractRouteDef]:
        sleep = [
            web.post("/sleep", self._sleep),
            web.post("/wake_up", self._wake_up),
            web.get("/is_sleeping", self._is_sleeping),
        ]
        open_to_all = [web.get("/health", self._health), web.get("/version", self._version), web.get("/v1/models", self._models)]
        return [*open_to_all, *self.chats(), *(sleep if self.develops else [])]

    def in_memory(self, name: str) -> bool:
        return bool(self.memory) and name in (self.served, *self.adapters)

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(status=503 if self.starting else 200)

    async def _version(self, _: web.Request) -> web.Response:
        return self.shown({"version": "0.14.0"})

    async def _models(self, request: web.Request) -> web.Response:
        if self.is_shut_out(request):
            return web.json_response({"error": "Unauthorized"}, status=401)
        rows = [self._row(self.served, None), *(self._row(name, self.served) for name in self.adapters)]
        return self.shown({"object": "list", "data": rows})

    async def _is_sleeping(self, _: web.Request) -> web.Response:
        return self.shown({"is_sleeping": not self.memory})

    async def _sleep(self, request: web.Request) -> web.Response:
        return await self._turn(request, [])

    async def _wake_up(self, request: web.Request) -> web.Response:
        return await self._turn(request, [self.served])

    async def _turn(self, request: web.Request, memory: list[str]) -> web.Response:
        if wrong := await self.trouble(request):
            return wrong
        if not self.lies:
            self.memory = memory
        return web.Response(status=200)

    @staticmethod
    def _row(name: str, parent: str | None) -> dict[str, Any]:
        return {
            "id": name, "object": "model", "created": 1_755_000_000, "owned_by": "vllm", "root": name, "parent": parent,
            "max_model_len": 32768, "permission": [],
        }  # fmt: skip


if __name__ == "__main__":
    serve(FakeVllm(memory=("small",)), 8000)
