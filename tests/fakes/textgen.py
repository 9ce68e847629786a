"""text-generation-webui as modules/api/script.py has it: one model in memory, exchanged without asking."""

from typing import Any

from aiohttp import web

from tests.fakes.engine import FakeEngine
from tests.fakes.server import serve

_HERE = "/v1/internal/model"


class FakeTextgen(FakeEngine):
    """`key` is the admin key; with an `asking_key` another one may ask, but not move."""

    def __init__(self, *args: Any, asking_key: str = "", **named: Any):
        super().__init__(*args, **named)
        self.asking_key = asking_key

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get(f"{_HERE}/info", self._info),
            web.get(f"{_HERE}/list", self._list),
            web.post(f"{_HERE}/load", self._load),
            web.post(f"{_HERE}/unload", self._unload),
            *self.chats(),
        ]

    def may_ask(self, request: web.Request) -> bool:
        sent = request.headers.get("Authorization")
        return super().may_ask(request) or (bool(self.asking_key) and sent == f"Bearer {self.asking_key}")

    async def _info(self, request: web.Request) -> web.Response:
        if not self.may_ask(request):
            return self._shut()
        loaded = self.memory[-1] if self.memory else "None"
        return self.shown({"model_name": loaded, "lora_names": [], "loader": "llama.cpp"})

    async def _list(self, request: web.Request) -> web.Response:
        return self._shut() if self.is_shut_out(request) else self.shown({"model_names": ["None", *self.disk]})

    async def _load(self, request: web.Request) -> web.Response:
        name = (await request.json())["model_name"]
        if wrong := await self._wrong(request):
            return wrong
        if not self.lies:
            self.memory = [name]
        return web.json_response("OK")

    async def _unload(self, request: web.Request) -> web.Response:
        if wrong := await self._wrong(request):
            return wrong
        if not self.lies:
            self.memory.clear()
        return web.json_response("OK")

    async def _wrong(self, request: web.Request) -> web.Response | None:
        return self._shut() if self.is_shut_out(request) else await self.trouble(request)

    def refusal(self, status: int, message: str) -> web.Response:
        return web.json_response({"detail": message}, status=status)

    def _shut(self) -> web.Response:
        return self.refusal(401, "Unauthorized")


if __name__ == "__main__":
    serve(FakeTextgen(), 5000)
