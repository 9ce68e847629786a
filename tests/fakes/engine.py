"""What the fake engines share: models on a disk and in memory, and the ways in which moving one goes wrong.

`fail` arms a fault for the next loads and unloads: `refuse` (with `status` and `message`), `oom`, `hang_headers` (no answer),
`cut` (the connection ends in the middle, nothing was moved). `lies`: moves are answered well and do nothing.
"""

from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer, Fault, forever

OUT_OF_MEMORY = "CUDA error: out of memory"


class FakeEngine(FakeServer):
    """`disk` are bytes by name, `memory` what is loaded, in the order of the loads. With a `key` only who sends it is heard;
    `strange` replaces the body of every GET."""

    def __init__(self, disk: dict[str, int] | None = None, *, memory: tuple[str, ...] = (), key: str = ""):
        super().__init__()
        self.disk = {"small": 1_000_000_000, "large": 9_000_000_000} if disk is None else disk
        self.memory = list(memory)
        self.key = key
        self.lies = False
        self.strange: bytes | None = None

    @property
    def moves(self) -> list[str]:
        """The paths of all requests that could have moved something."""
        return [received.path for received in self.requests if received.method == "POST"]

    def is_shut_out(self, request: web.Request) -> bool:
        return bool(self.key) and request.headers.get("Authorization") != f"Bearer {self.key}"

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
