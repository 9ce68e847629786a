"""LM Studio 0.4 as lmstudio.ai/docs/developer/rest has it, and an older one that only shows its models.

It keeps its habits: unknown addresses are answered with 200 and an error, and a load of what is loaded makes another instance.
"""

from typing import Any

from aiohttp import web

from tests.fakes.engine import FakeEngine
from tests.fakes.server import serve


class FakeLmStudio(FakeEngine):
    """`manages` is false for one before 0.4. `instances` are ids by the model's key."""

    def __init__(self, *args: Any, manages: bool = True, **named: Any):
        super().__init__(*args, **named)
        self.manages = manages
        self.instances: dict[str, list[str]] = {name: [name] for name in self.memory}

    def routes(self) -> list[web.AbstractRouteDef]:
        own = [
            web.get("/api/v1/models", self._models),
            web.post("/api/v1/models/load", self._load),
            web.post("/api/v1/models/unload", self._unload),
        ]
        return [
            *(own if self.manages else []),
            web.get("/api/v0/models", self._states),
            *self.chats(),
            web.route("*", "/{any:.*}", self._unknown),
        ]

    def in_memory(self, name: str) -> bool:
        return bool(self.instances.get(name))

    async def _unknown(self, request: web.Request) -> web.Response:
        return self.shown({"error": f"Unexpected endpoint or method. ({request.method} {request.path})"})

    async def _models(self, request: web.Request) -> web.Response:
        return self._shut() if self.is_shut_out(request) else self.shown({"models": [self._model(name) for name in self.disk]})

    async def _states(self, request: web.Request) -> web.Response:
        rows = [
            {
                "id": name, "object": "model", "type": "llm", "publisher": "lmstudio-community", "arch": "llama",
                "compatibility_type": "gguf", "quantization": "Q4_K_M",
                "state": "loaded" if self.instances.get(name) else "not-loaded", "max_context_length": 131072,
            }
            for name in self.disk
        ]  # fmt: skip
        return self._shut() if self.is_shut_out(request) else self.shown({"object": "list", "data": rows})

    async def _load(self, request: web.Request) -> web.Response:
        name = (await request.json())["model"]
        if wrong := await self._wrong(request, name in self.disk, name):
            return wrong
        made = self.instances.setdefault(name, [])
        instance = name if not made else f"{name}:{len(made) + 1}"
        if not self.lies:
            made.append(instance)
        return web.json_response({
            "type": "llm", "instance_id": instance, "load_time_seconds": 9.099, "status": "loaded",
        })  # fmt: skip

    async def _unload(self, request: web.Request) -> web.Response:
        instance = (await request.json())["instance_id"]
        holder = next((made for made in self.instances.values() if instance in made), None)
        if wrong := await self._wrong(request, holder is not None, instance):
            return wrong
        if holder is not None and not self.lies:
            holder.remove(instance)
        return web.json_response({"instance_id": instance})

    async def _wrong(self, request: web.Request, known: bool, name: str) -> web.Response | None:
        if self.is_shut_out(request):
            return self._shut()
        return await self.trouble(request) if known else self.refusal(404, f"Model not found: {name}")

    def _shut(self) -> web.Response:
        return self.refusal(401, "An LM Studio API token is required to make requests to this server.")

    def _model(self, name: str) -> dict[str, Any]:
        return {
            "type": "llm", "publisher": "lmstudio-community", "key": name, "display_name": name.title(), "architecture": "llama",
            "quantization": {"name": "Q4_K_M", "bits_per_weight": 4}, "size_bytes": self.disk[name], "params_string": "3B",
            "loaded_instances": [{"id": one, "config": {"context_length": 4096}} for one in self.instances.get(name, ())],
            "max_context_length": 32768, "format": "gguf",
            "capabilities": {"vision": False, "trained_for_tool_use": True}, "description": None,
        }  # fmt: skip


if __name__ == "__main__":
    serve(FakeLmStudio(), 1234)
