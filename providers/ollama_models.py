"""What Ollama has: its installed models and their facts (cached), and what is in memory now (never cached)."""

import asyncio
import re
from dataclasses import dataclass, replace
from typing import Any

from core.clock import Clock
from core.errors import ProviderError, ProviderTimeout, ProviderUnreachable
from providers.ollama_api import OllamaApi
from providers.ollama_errors import not_installed
from providers.telling import count, entries, member, text
from providers.types import ModelInfo

TAGS_SECONDS = 10.0
_SHOWS_AT_ONCE = 4
_MAX_FACTS = 500
_FILE = re.compile(r"^(FROM|ADAPTER|PROJECTOR)[ \t]+(?:/|[A-Za-z]:\\)[^\n]*", re.MULTILINE)


def full_name(name: str) -> str:
    """`gemma3` is `gemma3:latest`, as Ollama reads it."""
    return name if name.rfind(":") > name.rfind("/") else f"{name}:latest"


@dataclass(frozen=True, slots=True)
class Resident:
    """A model in memory. `size_vram` 0 is all on the CPU, less than `size` spilled, equal all on the GPU; sizes in bytes."""

    name: str
    digest: str | None
    size: int | None
    size_vram: int | None
    context: int | None
    expires_at: str | None


class OllamaModels:
    def __init__(self, api: OllamaApi, clock: Clock):
        self._api = api
        self._clock = clock
        self._tags: tuple[float, dict[str, ModelInfo]] | None = None
        self._shown: dict[str, tuple[int | None, tuple[str, ...]]] = {}
        #: By name: as it was listed, and with its context.
        self._found: dict[str, tuple[ModelInfo, ModelInfo]] = {}
        self._shows = asyncio.Semaphore(_SHOWS_AT_ONCE)

    def forget(self) -> None:
        """After a pull, a copy or a delete."""
        self._tags = None

    async def installed(self, *, fresh: bool = False) -> dict[str, ModelInfo]:
        """By name, without context (that takes `with_context`); at most 10 s old unless `fresh`."""
        now = self._clock.monotonic()
        if fresh or self._tags is None or now - self._tags[0] > TAGS_SECONDS:
            reply = await self._api.call("GET", "/api/tags")
            infos = filter(None, map(_info, entries(reply, "models")))
            self._tags = now, {info.name: info for info in infos}
            self._found.clear()
        return self._tags[1]

    async def find(self, name: str) -> ModelInfo:
        """Raises ModelNotInstalled with the way to download it."""
        wanted = full_name(name)
        found = (await self.installed()).get(wanted) or (await self.installed(fresh=True)).get(wanted)
        if found is None:
            raise not_installed(name)
        known = self._found.get(wanted)
        if known is None or known[0] is not found:
            known = self._found[wanted] = found, await self.with_context(found)
        return known[1]

    async def with_context(self, info: ModelInfo) -> ModelInfo:
        """`info` with what /api/show knows more; asked once for a digest."""
        known = self._shown.get(info.digest or "")
        if known is None:
            async with self._shows:
                reply = await self.described(info.name)
            known = _context(reply), _texts(reply.get("capabilities"))
            if info.digest and len(self._shown) < _MAX_FACTS:
                self._shown[info.digest] = known
        context, capabilities = known
        merged = tuple(dict.fromkeys((*capabilities, *info.capabilities)))
        return replace(info, context=context or info.context, capabilities=merged)

    async def described(self, name: str, *, verbose: bool = False) -> dict[str, Any]:
        """The reply of /api/show as it is. Raises ModelNotInstalled."""
        body = {"model": name, "verbose": True} if verbose else {"model": name}
        return await self._api.call("POST", "/api/show", body, model=name)

    async def show(self, name: str, *, verbose: bool = False) -> dict[str, Any]:
        """`described`; its Modelfile names the model where it named a file of the machine."""
        reply = await self.described(name, verbose=verbose)
        if isinstance(modelfile := reply.get("modelfile"), str):
            reply["modelfile"] = _FILE.sub(lambda found: f"{found[1]} {name}", modelfile)
        return reply

    async def running(self) -> list[dict[str, Any]]:
        """The entries of /api/ps. A model that is loading is not in it; one that crashed still is, until its next use."""
        return [entry for entry in entries(await self._api.call("GET", "/api/ps"), "models") if _text(entry, "name")]

    async def resident(self) -> list[Resident]:
        return [_resident(entry) for entry in await self.running()]

    async def loaded_context(self, name: str) -> int | None:
        """Context of `name` in memory, None when it is not there; a slow /api/ps means unknown, not dead."""
        try:
            residents = await self.resident()
        except ProviderTimeout:
            return None
        return next((one.context for one in residents if full_name(one.name) == full_name(name)), None)

    async def list(self) -> list[ModelInfo]:
        infos = await asyncio.gather(*(self._described(info) for info in (await self.installed(fresh=True)).values()))
        try:
            residents = {full_name(one.name): one for one in await self.resident()}
        except ProviderTimeout:
            return infos
        return [_placed(info, residents.get(info.name)) for info in infos]

    async def _described(self, info: ModelInfo) -> ModelInfo:
        try:
            return await self.with_context(info)
        except ProviderUnreachable:
            raise
        except ProviderError:
            return info  # one broken model must not hide the others


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()


def _text(values: dict[str, Any], name: str) -> str | None:
    return text(values, name) or None


def _info(entry: dict[str, Any]) -> ModelInfo | None:
    name = _text(entry, "name") or _text(entry, "model")
    if name is None:
        return None
    details = member(entry, "details")
    remote = ("remote",) if entry.get("remote_host") or entry.get("remote_model") else ()
    return ModelInfo(
        name=full_name(name),
        provider="ollama",
        size=count(entry, "size"),
        digest=_digest(entry),
        family=_text(details, "family"),
        parameters=_text(details, "parameter_size"),
        quantization=_text(details, "quantization_level"),
        context=count(details, "context_length"),
        capabilities=(*_texts(entry.get("capabilities")), *remote),
        modified_at=_text(entry, "modified_at"),
    )


def _placed(info: ModelInfo, one: Resident | None) -> ModelInfo:
    if one is None:
        return replace(info, resident=False)
    return replace(info, resident=True, size_vram=one.size_vram, loaded_context=one.context, expires_at=one.expires_at)


def _digest(entry: dict[str, Any]) -> str | None:
    digest = _text(entry, "digest")
    return digest if digest is None or digest.startswith("sha256:") else f"sha256:{digest}"


def _context(reply: dict[str, Any]) -> int | None:
    info = member(reply, "model_info")
    return next((size for name in info if name.endswith(".context_length") and (size := count(info, name))), None)


def _resident(entry: dict[str, Any]) -> Resident:
    numbers = (count(entry, name) for name in ("size", "size_vram", "context_length"))
    return Resident(entry["name"], _digest(entry), *numbers, _text(entry, "expires_at"))
