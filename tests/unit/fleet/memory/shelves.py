"""What a machine tells of its models, and where sizes are kept, in memory."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import ProviderError
from tests.fakes.ollama_models import FakeModel


class Shelf:
    """Installed models; `silent` ones have no description, that of others waits at its gate."""

    def __init__(self, *models: FakeModel):
        self.models = {model.name: model for model in models}
        self.silent: set[str] = set()
        self.asked: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    async def weights(self) -> Mapping[str, tuple[int | None, str | None]]:
        return {name: (model.size, f"sha256:{model.digest}") for name, model in self.models.items()}

    async def shown(self, model: str) -> Mapping[str, Any]:
        self.asked.append(model)
        if model in self.gates:
            await self.gates[model].wait()
        if model in self.silent:
            raise ProviderError("No such file.")
        found = self.models[model]
        return {
            "modelfile": f"FROM /blobs/{found.blob.replace(':', '-')}\n",
            "model_info": found.model_info(),
            "capabilities": list(found.capabilities),
        }


class Kept:
    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    async def all(self) -> Sequence[dict[str, Any]]:
        return list(self.rows)

    async def put(self, rows: Sequence[dict[str, Any]]) -> None:
        self.rows += rows
