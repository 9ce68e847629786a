"""Which models each provider has, as each key sees them: cached, fetched once for all who wait, stale when it must be."""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.clock import Clock
from core.errors import ProviderAuthFailed, ProviderError
from providers.base import Provider
from providers.types import ModelInfo

Source = Literal["live", "cache", "stale", "fallback"]


@dataclass(frozen=True, slots=True)
class Listing:
    """`source` live: asked now; cache: young enough; stale: the provider failed, this is what it said before; fallback: it
    failed and never answered this key, these are names known by heart. `error` is that failure, `age` in seconds."""

    provider: str
    models: tuple[ModelInfo, ...]
    source: Source
    age: float | None = None
    error: ProviderError | None = None

    def find(self, name: str) -> ModelInfo | None:
        """By name; `gemma3` finds `gemma3:latest`."""
        return next((model for model in self.models if model.name in (name, f"{name}:latest")), None)


@dataclass(slots=True)
class _Entry:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    models: tuple[ModelInfo, ...] | None = None
    fetched_at: float = 0.0
    error: ProviderError | None = None
    failed_at: float = 0.0


class Catalogue:
    """`ttl` seconds for a list from afar, `local_ttl` for one of this machine (models come and go under our hands), and
    `failure_ttl` during which a failure is believed, so that those who wait do not each run into it in turn."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        *,
        ttl: float = 300.0,
        local_ttl: float = 5.0,
        failure_ttl: float = 5.0,
        capacity: int = 128,
        clock: Clock = Clock(),
    ):
        self._providers = providers
        self._ttl = ttl
        self._local_ttl = local_ttl
        self._failure_ttl = failure_ttl
        self._capacity = capacity
        self._clock = clock
        self._salt = secrets.token_bytes(16)
        self._entries: OrderedDict[tuple[str, bytes], _Entry] = OrderedDict()

    async def listing(self, provider: str, api_key: str | None = None, *, fresh: bool = False) -> Listing:
        """Raises ProviderError only when there is nothing to show: no earlier list for this key, and none known by heart.

        `fresh` asks the provider now; those who wait for the same list share one question.
        """
        capabilities = self._providers[provider].spec.capabilities
        key = api_key if capabilities.key_per_request else None
        entry = self._entry(provider, key)
        asked_at = self._clock.monotonic()
        async with entry.lock:
            now = self._clock.monotonic()
            oldest = asked_at if fresh else now - (self._local_ttl if capabilities.local else self._ttl)
            if entry.models is not None and entry.fetched_at >= oldest and entry.error is None:
                return Listing(
                    provider, entry.models, "live" if entry.fetched_at >= asked_at else "cache", now - entry.fetched_at
                )
            if entry.error is None or entry.failed_at < (asked_at if fresh else now - self._failure_ttl):
                await self._fetch(provider, key, entry)
            if entry.error is None and entry.models is not None:
                return Listing(provider, entry.models, "live", 0.0)
            return self._without_provider(provider, entry, entry.error)

    async def _fetch(self, provider: str, key: str | None, entry: _Entry) -> None:
        try:
            models = await self._providers[provider].list_models(key)
        except ProviderError as error:
            entry.error, entry.failed_at = error.with_traceback(None), self._clock.monotonic()
            if isinstance(error, ProviderAuthFailed):
                entry.models = None  # a key that was revoked sees nothing more
        else:
            entry.models, entry.fetched_at, entry.error = tuple(models), self._clock.monotonic(), None

    def _without_provider(self, provider: str, entry: _Entry, error: ProviderError) -> Listing:
        if entry.models is not None:
            return Listing(provider, entry.models, "stale", self._clock.monotonic() - entry.fetched_at, error)
        if known := self._providers[provider].spec.known_models:
            return Listing(provider, known, "fallback", None, error)
        raise error.with_traceback(None)

    def _entry(self, provider: str, key: str | None) -> _Entry:
        """By a keyed hash: the list of one key is never shown to another, and no key is kept here."""
        digest = hashlib.blake2b((key or "").encode(), key=self._salt, digest_size=16).digest()
        entry = self._entries.setdefault((provider, digest), _Entry())
        self._entries.move_to_end((provider, digest))
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        return entry
