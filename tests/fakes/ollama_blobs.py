"""The files of a fake Ollama's models: blobs that are kept by their digests, and models that are made of them.

`HEAD` and `POST /api/blobs/…` and `POST /api/create` as server/routes.go and server/create.go have them. Models that are stored
here have a real manifest, whose SHA-256 `/api/tags` tells, and may be laid out on the disk for an agent.
"""

import asyncio
import hashlib
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.fakes.ollama_machine import Machine
from tests.fakes.ollama_models import FakeModel

_IMAGE = "application/vnd.ollama.image."
_KINDS = {"template": "template", "system": "system", "license": "license", "parameters": "params", "messages": "messages"}


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class StoredModel(FakeModel):
    """A model with a manifest; its digest is that of the manifest."""

    manifest: bytes = b""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.manifest).hexdigest()


class Blobs:
    """`kept` is what is on the disk, by digest; `stamp` is what this machine's manifests hold beside the rest, so that two
    machines with another stamp write another manifest for the same files. `room`: bytes that fit on the disk; `spoil` is set
    in what arrives, once for each of `spoiled`."""

    def __init__(self, machine: Machine):
        self._machine = machine
        self.kept: dict[str, bytes] = {}
        self.created: list[dict[str, Any]] = []
        self.stamp = ""
        self.room: int | None = None
        self.spoiled = 0
        self.pause = threading.Event()  # tests set it from their own thread
        self.pause.set()

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.head("/api/blobs/{digest}", self._has),
            web.post("/api/blobs/{digest}", self._take),
            web.post("/api/create", self._create),
        ]

    def add(self, name: str, weights: bytes, *, in_library: bool = False, **texts: Any) -> StoredModel:
        """Installs a model of these weights; `texts` as `/api/create` takes them."""
        model = self._model(name, [("model", self._keep(weights))], texts)
        self._machine.installed[name] = model
        if in_library:
            self._machine.library[name] = model
        return model

    def write(self, folder: Path, name: str) -> None:
        """Lays a model out as Ollama does."""
        model = self._machine.installed[name]
        path, _, tag = name.partition(":")
        place = folder / "manifests" / "registry.ollama.ai" / ("library" if "/" not in path else "") / path
        place.mkdir(parents=True, exist_ok=True)
        (place / tag).write_bytes(model.manifest)
        (folder / "blobs").mkdir(exist_ok=True)
        value = json.loads(model.manifest)
        for layer in [value["config"], *value["layers"]]:
            (folder / "blobs" / layer["digest"].replace(":", "-")).write_bytes(self.kept[layer["digest"]])

    def _keep(self, content: bytes) -> str:
        self.kept[digest_of(content)] = content
        return digest_of(content)

    def _layer(self, kind: str, digest: str) -> dict[str, Any]:
        return {"mediaType": _IMAGE + kind, "digest": digest, "size": len(self.kept[digest])}

    def _model(self, name: str, files: list[tuple[str, str]], texts: dict[str, Any]) -> StoredModel:
        layers = [self._layer(kind, digest) for kind, digest in files]
        for text, kind in _KINDS.items():
            for one in texts[text] if isinstance(texts.get(text), list) and text == "license" else [texts.get(text)]:
                if one:
                    content = one if isinstance(one, str) else json.dumps(one, sort_keys=True)
                    layers.append(self._layer(kind, self._keep(content.encode())))
        said = {name: texts[name] for name in ("renderer", "parser") if texts.get(name)}
        config = self._keep(json.dumps({"model_format": "gguf", "stamp": self.stamp, **said}).encode())
        whole = {"schemaVersion": 2, "config": {**self._layer("config", config), "mediaType": "application/vnd.docker"}}
        manifest = json.dumps({**whole, "layers": layers}).encode()
        size = sum(layer["size"] for layer in layers)
        return StoredModel(name, size, "1B", manifest=manifest)

    async def _has(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if request.match_info["digest"] in self.kept else 404)

    async def _take(self, request: web.Request) -> web.Response:
        content, digest = await request.read(), request.match_info["digest"]
        await asyncio.to_thread(self.pause.wait, 60)
        if self.room is not None and sum(map(len, self.kept.values())) + len(content) > self.room:
            return web.json_response({"error": "write /root/.ollama/models/blobs/x: no space left on device"}, status=500)
        if self.spoiled:
            self.spoiled -= 1
            content = b"?" + content[1:]
        if digest_of(content) != digest:
            words = f"digest mismatch, expected {digest!r}, got {digest_of(content)!r}"
            return web.json_response({"error": words}, status=400)
        self.kept[digest] = content
        return web.Response(status=201)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.created.append(body)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        async for line in self._creating(body):
            await response.write(json.dumps(line).encode() + b"\n")
        return response

    async def _creating(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        files = [(name.partition("-")[0], digest) for name, digest in body.get("files", {}).items()]
        if not files:
            yield {"error": "neither 'from' or 'files' was specified"}
            return
        if missing := [digest for _, digest in files if digest not in self.kept]:
            yield {"error": f"invalid digest for {missing[0]}"}
            return
        yield {"status": "parsing GGUF"}
        yield {"status": "writing manifest"}
        name = Machine.full_name(body["model"])
        self._machine.installed[name] = self._model(name, files, body)
        yield {"status": "success"}
