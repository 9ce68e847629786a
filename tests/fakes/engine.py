"""What the fake engines share: models on a disk and in memory, and the ways in which moving one goes wrong.

`fail` arms a fault for the next loads and unloads: `refuse` (with `status` and `message`), `oom`, `hang_headers` (no answer),
`cut` (the connection ends in the middle, nothing was moved). `lies`: moves are answered well and do nothing.
"""

from typing import Any

from aiohttp import web

from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import FakeServer, Fault, forever

_CHAT = "/v1/chat/completions"
OUT_OF_MEMORY = "CUDA error: out of memory"


class FakeEngine(FakeServer):
    """`disk` are bytes by name, `memory` what is loaded, in the order of the loads. With a `key` only who sends it is heard;
    `strange` replaces the body of every GET. `speaker` says what its models say; `surprises` are the models that were asked
    while they were not in memory."""

    def __init__(self, disk: dict[str, int] | None = None, *, memory: tuple[str, ...] = (), key: str = ""):
        super().__init__()
        self.disk = {"small": 1_000_000_000, "large": 9_000_000_000} if disk is None else disk
        self.memory = list(memory)
        self.key = key
        self.lies = False
        self.strange: bytes | None = None
        self.surprises: list[str] = []
        self.speaker = FakeOpenAI()
        self.speaker.strict = self.speaker.needs_key = False

    @property
    def moves(self) -> list[str]:
        """The paths of all requests that could have moved something."""
        return [received.path for received in self.requests if received.method == "POST" and received.path != _CHAT]

    def in_memory(self, name: str) -> bool:
        return name in self.memory

    def chats(self) -> list[web.AbstractRouteDef]:
        return [web.post(_CHAT, self._chat)]

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        name = (await request.json())["model"]
        if not self.may_ask(request):
            return self.refusal(401, "Unauthorized")
        if not self.in_memory(name):
            self.surprises.append(name)
            return self.refusal(400, "the model is not in memory")
        self.speaker.models[name] = None
        return await self.speaker.chat(request)

    def is_shut_out(self, request: web.Request) -> bool:
        return bool(self.key) and request.headers.get("Authorization") != f"Bearer {self.key}"

    def may_ask(self, request: web.Request) -> bool:
        return not self.is_shut_out(request)

    async def trouble(self, request: web.Request) -> web.Response | None:
        """What an armed fault makes of a move; None when nothing is wrong."""
        fault = self.next_fault()
        if fault is None:
            return None
        if fault.kind == "hang_headers":
            await forever()
        if fault.kind == "cut":
            request.transport.abort()
        return self.refusal(fault.status, OUT_OF_MEMORY if fault.kind == "oom" else _words(fault))

    def refusal(self, status: int, message: str) -> web.Response:
        return web.json_response({"error": {"message": message, "type": "server_error", "code": status}}, status=status)

    def shown(self, value: Any) -> web.Response:
        """The answer of a GET."""
        if self.strange is not None:
            return web.Response(body=self.strange, content_type="application/json")
        return web.json_response(value)


def _words(fault: Fault) -> str:
    return fault.message or "the model could not be moved"
