"""A provider whose lists and answers are written down, for what the gateway decides about any provider."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from core.errors import ProviderError
from providers.base import ProviderSpec
from providers.types import Capabilities, ChatDelta, ChatReply, ChatRequest, Embeddings, ModelInfo, Text, Usage

LOCAL = Capabilities(needs_key=False, local=True)
CLOUD = Capabilities(needs_key=True, key_per_request=True)


def model(name: str, **facts: Any) -> ModelInfo:
    return ModelInfo(name, "x", **({"capabilities": ("completion",)} | facts))


class Scripted:
    """`models` and `replies` may hold errors, which are raised; the last reply serves for ever. `gate` holds lists back."""

    def __init__(self, name: str, capabilities: Capabilities, models: Any = (), replies: Any = ("ok",), known: Any = ()):
        self.spec = ProviderSpec(
            name, name.title(), "http://x", "KEY" if capabilities.needs_key else None, "https://x", capabilities, known
        )
        self.models = models
        self.replies = list(replies)
        self.listed: list[str | None] = []
        self.asked: list[ChatRequest] = []
        self.gate: asyncio.Event | None = None

    async def list_models(self, api_key: str | None = None) -> list[ModelInfo]:
        self.listed.append(api_key)
        if self.gate:
            await self.gate.wait()
        if isinstance(self.models, Exception):
            raise self.models
        return list(self.models(api_key) if callable(self.models) else self.models)

    async def chat(self, request: ChatRequest) -> ChatReply:
        self.asked.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, BaseException):
            raise reply
        return ChatReply((Text(reply),), "stop", Usage(1, 1), request.model, "v1")

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        yield ChatDelta("x", finish_reason="stop")

    async def embed(
        self, model: str, texts: list[str], *, api_key: str | None = None, dimensions: int | None = None
    ) -> Embeddings:
        return Embeddings([[0.0] for _ in texts], Usage())

    def classify(self, status: int, body: bytes, retry_after: str | None = None) -> ProviderError:
        return ProviderError("x.")

    async def close(self) -> None: ...
