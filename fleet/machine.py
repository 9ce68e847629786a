"""The local machine's Ollama, as the compute switch, the downloads, the prediction of memory and the doctor need it."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from fleet.compute import Resident
from providers.ollama import Ollama


class Machine:
    """One Ollama: `fleet.compute.OllamaPort`, `fleet.memory.prediction.Shelf`, `fleet.operations.ports.Port` and the pull of
    `fleet.downloads` over the provider's adapter."""

    def __init__(self, ollama: Ollama):
        self._ollama = ollama

    async def ps(self) -> Sequence[Resident]:
        residents = await self._ollama.resident()
        return [Resident(model.name, model.size or 0, model.size_vram or 0, model.context) for model in residents]

    async def unload(self, model: str) -> None:
        await self._ollama.unload(model)

    async def load(self, model: str, *, num_gpu: int | None) -> None:
        await self._ollama.load(model, num_gpu=num_gpu)

    async def version(self) -> str:
        return await self._ollama.version()

    async def models(self) -> Sequence[str]:
        return [model.name for model in await self._ollama.list_models()]

    async def weights(self) -> Mapping[str, tuple[int | None, str | None]]:
        """(bytes on the disk, digest) of what can be in this machine's memory: a model of a cloud cannot."""
        models = await self._ollama.installed()
        return {model.name: (model.size, model.digest) for model in models if "remote" not in model.capabilities}

    async def shown(self, model: str) -> Mapping[str, Any]:
        return await self._ollama.described(model)

    async def pull(self, model: str) -> AsyncIterator[Mapping[str, Any]]:
        async with aclosing(self._ollama.pull(model)) as lines:
            async for progress in lines:
                yield asdict(progress)

    async def digests(self) -> Mapping[str, str]:
        """The digest of each installed model's manifest, as Ollama lists them now; "" where it does not say."""
        return {model.name: model.digest or "" for model in await self._ollama.installed(fresh=True)}

    async def names(self) -> Collection[str]:
        """What is installed now."""
        return (await self.digests()).keys()

    async def has_blob(self, digest: str) -> bool:
        return await self._ollama.blobs.has(digest)

    async def send_blob(self, digest: str, size: int, pieces: AsyncIterator[bytes]) -> None:
        await self._ollama.blobs.send(digest, size, pieces)

    async def create(self, body: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
        async with aclosing(self._ollama.blobs.create(body)) as lines:
            async for line in lines:
                yield line

    async def delete(self, model: str) -> None:
        """Out of memory first: a runner would go on with a file that has no name any more."""
        await self.unload(model)
        await self._ollama.delete(model)

    async def copy(self, source: str, destination: str) -> None:
        await self._ollama.copy(source, destination)
