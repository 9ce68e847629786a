"""What operations need of the machines, as narrow as it is."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from typing import Any, Protocol


class Holder(Protocol):
    """A machine of any kind, as far as its models are switched on and off. Everything raises ProviderError."""

    def identify(self, model: str) -> str:
        """The name of a model as this machine lists it."""

    def keep(self) -> None:
        """What is served has changed: what stays in memory is chosen anew."""

    async def names(self) -> Collection[str]:
        """The models that are there now, in memory or not."""

    async def unload(self, model: str) -> None:
        """When no question is in it any more. Raises Conflict and Overloaded when it cannot be."""


class Port(Protocol):
    """The Ollama of one machine: `fleet.machine.Machine` is one. Everything raises ProviderError."""

    async def digests(self) -> Mapping[str, str]:
        """The digest (`sha256:…`) of the manifest of each model that is installed now."""

    def pull(self, model: str) -> AsyncGenerator[Mapping[str, Any], None]: ...

    async def delete(self, model: str) -> None:
        """Unloads it first."""

    async def has_blob(self, digest: str) -> bool: ...

    async def send_blob(self, digest: str, size: int, pieces: AsyncIterator[bytes]) -> None: ...

    def create(self, body: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]: ...


#: The machines that there are now, by their names: all of them, and those where files of models come and go.
Holders = Callable[[], Mapping[str, Holder]]
Ports = Callable[[], Mapping[str, Port]]
