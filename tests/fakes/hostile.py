"""A host of OpenAI's dialect that does everything wrong, each model in a way of its own."""

import asyncio
import zlib
from functools import cache

from aiohttp import web

from tests.fakes.server import FakeServer

_CHUNK = b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
_STREAM = {"Content-Type": "text/event-stream"}
WAYS = ("html", "redirect", "bomb", "endless", "line", "nonsense", "half", "nothing", "list")


@cache
def _bomb() -> bytes:
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packed.compress(b" " * (200 << 20)) + packed.flush()


class HostileHost(FakeServer):
    """`reached` says that somebody followed the redirect."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = False

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/v1/models", self._models),
            web.post("/v1/chat/completions", self._chat),
            web.route("*", "/elsewhere", self._elsewhere),
        ]

    async def _models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": way, "object": "model"} for way in WAYS]})

    async def _elsewhere(self, _request: web.Request) -> web.Response:
        self.reached = True
        return web.json_response({})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        way = (await request.json())["model"]
        match way:
            case "html":
                return web.Response(body=b"<html><h1>Welcome to nginx</h1></html>", content_type="text/html")
            case "redirect":
                return web.Response(status=307, headers={"Location": f"{self.url}/elsewhere"})
            case "bomb":
                return web.Response(body=_bomb(), headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})
            case "nothing":
                return web.Response(body=b"")
            case "list":
                return web.json_response([1, 2])
        response = web.StreamResponse(headers=_STREAM)
        await response.prepare(request)
        try:
            await self._pour(response, way)
        except ConnectionError:
            self.aborted += 1
        return response

    async def _pour(self, response: web.StreamResponse, way: str) -> None:
        match way:
            case "endless":
                for _ in range(10 << 10):  # ten gigabytes
                    await response.write(b" " * (1 << 20))
                    await asyncio.sleep(0)
            case "line":
                await response.write(b"data: " + b"x" * (64 << 20) + b"\n\n")
            case "nonsense":
                await response.write(_CHUNK % b"Hello" + b'data: {"choices":[{{{\n\n' * 3 + b"data: [DONE]\n\n")
            case "half":
                await response.write(_CHUNK % "Olá".encode() + (_CHUNK % "é".encode()).partition("é".encode())[0] + b"\xc3")
