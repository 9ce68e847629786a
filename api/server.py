"""How the gate is served: uvicorn with our protocol, a start that is told, and a stop that answers who waits."""

import ctypes
import gc
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from api.protocol import PromptProtocol

#: Seconds: a thread that writes rows gives way to the event loop after so long, ten times sooner than Python's own 5 ms.
_GIVES_WAY = 0.0005
_ARENAS = -8  # M_ARENA_MAX of mallopt(3)


class Server(uvicorn.Server):
    """uvicorn that says where everything is once it listens."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None], stopping: Callable[[], None]):
        super().__init__(config)
        self._told_start, self._stopping = started, stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Whoever waits for a job is answered with how far it is, before uvicorn waits for open requests."""
        self._stopping()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):  # glibc's
            libc.mallopt(_ARENAS, 1)  # a heap for each thread would hold 6 MB more that nobody uses
        await super().startup(sockets)
        if self.started:
            gc.collect()
            if hasattr(libc, "malloc_trim"):
                libc.malloc_trim(0)  # what the start alone needed
            gc.set_threshold(20_000, 20, 20)  # each request makes hundreds of objects, and nearly none of them in circles
            sys.setswitchinterval(_GIVES_WAY)
            gc.freeze()  # what stays for good: each full collection would hold the event loop up for 40 ms over it
            self._told_start()


def server_config(app: ASGIApp) -> uvicorn.Config:
    """How the gate is served: with a deadline for the head of a request, and believing nothing that a proxy says."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the gate reads them, and believes only TRUSTED_PROXIES
        timeout_graceful_shutdown=10,
        timeout_keep_alive=30,
        http=PromptProtocol,
    )
