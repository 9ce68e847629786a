"""Which models each provider has, as each key sees them: cached, fetched once for all who wait, stale when it must be.

What the operator's own keys see is followed in the background, and `names` is made of it: immutable, and exchanged whole.
"""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

from core.clock import Clock
from core.errors import ModelNotFound, ProviderAuthFailed, ProviderError, ProviderTimeout
from gateway.deployments import Deployment
from gateway.facts import Listed, Model, PricesOf, completed, described, merged
from gateway.names import Names
from providers.base import Provider
from providers.types import ModelInfo

#: Seconds for which the lists of local servers are believed when a name is in none of them, and for asking them again.
_LOOKED_AT, _LOOKING = 1.0, 2.0
#: Seconds that a question waits at the most, right after the start, for providers to tell for the first time what they have.
_FIRST_LISTS = 10.0

T = TypeVar("T")
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


@dataclass(frozen=True, slots=True)
class Following:
    """Seconds between two questions for a list: of a local server, of one afar, and of one afar that failed."""

    local: float = 10.0
    remote: float = 300.0
    failed: float = 30.0


@dataclass(frozen=True, slots=True)
class Followed:
    """How the list of a provider stands: `source` None before its first answer, `age` in seconds."""

    provider: str
    title: str
    source: Source | None
    age: float | None
    error: ProviderError | None


@dataclass(slots=True)
class _Entry:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    listed: tuple[ModelInfo, ...] | None = None
    models: tuple[ModelInfo, ...] | None = None
    fetched_at: float = 0.0
    error: ProviderError | None = None
    failed_at: float = 0.0


class Catalogue:
    """`ttl` seconds for a list from afar, `local_ttl` for one of this machine (models come and go under our hands), and
    `failure_ttl` during which a failure is believed, so that those who wait do not each run into it in turn.

    `own_keys` names the providers that have a key in the settings, `missing` those that are not configured, each with the
    setting that would; a list that takes longer than `patience` seconds has failed.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        *,
        ttl: float = 300.0,
        local_ttl: float = 5.0,
        failure_ttl: float = 5.0,
        capacity: int = 128,
        patience: float = 60.0,
        clock: Clock = Clock(),
        own_keys: Collection[str] = (),
        missing: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | None = None,
        prices_of: PricesOf = lambda provider, models: {},
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self._providers = providers
        self._ttl = ttl
        self._local_ttl = local_ttl
        self._failure_ttl = failure_ttl
        self._capacity = capacity
        self._clock = clock
        self._salt = secrets.token_bytes(16)
        self._entries: OrderedDict[tuple[str, bytes], _Entry] = OrderedDict()
        self._patience, self._prices_of, self._sleep = patience, prices_of, sleep
        self._missing, self._aliases = dict(missing or {}), dict(aliases or {})
        usable = [name for name, one in providers.items() if name in own_keys or not one.spec.capabilities.needs_key]
        self._own = {name: _Entry() for name in usable}
        self._described: dict[str, tuple[Model, ...]] = {}
        self._deployments: tuple[Deployment, ...] = ()
        self.names = self._named()

    def followers(self, pace: Following = Following()) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """A loop without end for each provider that can be asked without a key of the caller: a slow one delays no other."""
        return [partial(self._follow, name, pace) for name in self._own]

    def followed(self) -> list[Followed]:
        """Each provider that is followed, in the order of the configuration."""
        return [self._state(name, entry) for name, entry in self._own.items()]

    def _state(self, name: str, entry: _Entry) -> Followed:
        source: Source | None = None
        if entry.models is not None:
            source = "stale" if entry.error else "live"
        elif entry.error and self._providers[name].spec.known_models:
            source = "fallback"
        age = None if entry.models is None else self._clock.monotonic() - entry.fetched_at
        return Followed(name, self._providers[name].spec.title, source, age, entry.error)

    def renewing(self, provider: str, work: Callable[[str], AsyncGenerator[T, None]]) -> Callable[[str], AsyncGenerator[T, None]]:
        """`work` on a model of `provider`, a download say, with its list asked for anew at the end."""

        async def renewed(model: str) -> AsyncGenerator[T, None]:
            async with aclosing(work(model)) as lines:
                async for line in lines:
                    yield line
            await self._asked_again(provider)

        return renewed

    async def _follow(self, provider: str, pace: Following) -> None:
        local = self._providers[provider].spec.capabilities.local
        while True:
            try:
                error = (await self.listing(provider, fresh=True)).error
            except ProviderError as failure:
                error = failure
            await self._sleep(pace.local if local else pace.remote if error is None else pace.failed)

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
        spec = self._providers[provider].spec
        try:
            models = await self._listed(provider, key)
        except ProviderError as error:
            entry.error, entry.failed_at = error.with_traceback(None), self._clock.monotonic()
            if isinstance(error, ProviderAuthFailed):
                entry.listed = entry.models = None  # a key that was revoked sees nothing more
        else:
            if entry.listed != models:
                entry.listed, entry.models = models, tuple(completed(info, spec) for info in models)
            entry.fetched_at, entry.error = self._clock.monotonic(), None
        if entry is self._own.get(provider):
            await self._publish(provider, entry)

    async def _listed(self, provider: str, key: str | None) -> tuple[ModelInfo, ...]:
        try:
            async with asyncio.timeout(self._patience):
                return tuple(await self._providers[provider].list_models(key))
        except TimeoutError:
            title = self._providers[provider].spec.title
            raise ProviderTimeout(f"{title} did not list its models within {self._patience:g} s.") from None

    async def _publish(self, provider: str, entry: _Entry) -> None:
        """Describes what is listed, where that changed, and exchanges the names. What a provider lists for the first time has a
        name at once; its price, which is looked up beside the event loop, follows."""
        spec = self._providers[provider].spec
        listed = entry.listed if entry.listed is not None else spec.known_models
        names = [] if spec.capabilities.local else [info.name for info in listed]
        if names and provider not in self._described:
            self._describe(provider, listed, {})
        self._describe(provider, listed, await asyncio.to_thread(self._prices_of, provider, names) if names else {})

    def _describe(self, provider: str, listed: Sequence[ModelInfo], prices: Mapping[str, Listed]) -> None:
        spec = self._providers[provider].spec
        models = tuple(described(info, spec, prices.get(info.name), copies) for info, copies in merged(listed))
        if models != self._described.get(provider):
            self._described[provider] = models
            self.names = self._named()

    async def sought(self, seek: Callable[[Names], T]) -> T:
        """What `seek` finds in the names. Before it raises ModelNotFound every provider has told what it has, or ten seconds have
        passed, and local servers are asked once more: the model may have been installed this moment, by whatever means."""
        try:
            return seek(self.names)
        except ModelNotFound:
            await self.begun()
            await self._look_again()
            return seek(self.names)

    async def begun(self, seconds: float = _FIRST_LISTS) -> None:
        """Waits until every provider that is followed has told its list once, or failed to; not longer than `seconds`."""
        unheard = [name for name, entry in self._own.items() if entry.models is None and entry.error is None]
        await self._within(seconds, map(self._heard, unheard))

    async def _look_again(self) -> None:
        """Not for longer than a client waits for a mere refusal."""
        local = [name for name in self._own if self._providers[name].spec.capabilities.local]
        await self._within(_LOOKING, map(self._looked_at_again, local))

    async def _looked_at_again(self, provider: str) -> None:
        """Once a second at the most: who comes in between waits for the next look."""
        entry = self._own[provider]
        since = self._clock.monotonic() - max(entry.fetched_at, entry.failed_at)
        if since < _LOOKED_AT:
            await self._sleep(_LOOKED_AT - since)
        await self._asked_again(provider)

    async def _within(self, seconds: float, asked: Iterable[Coroutine[Any, Any, None]]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*asked)

    async def _asked_again(self, provider: str) -> None:
        await self._heard(provider, fresh=True)

    async def _heard(self, provider: str, *, fresh: bool = False) -> None:
        with suppress(ProviderError):  # the list says itself that it is stale
            await self.listing(provider, fresh=fresh)

    def deploy(self, deployments: Iterable[Deployment]) -> None:
        """From now on these are the deployments, and no others."""
        self._deployments = tuple(deployments)
        self.names = self._named()

    def _named(self) -> Names:
        models = [model for name in self._own for model in self._described.get(name, ())]
        return Names(
            models, providers=tuple(self._own), missing=self._missing, aliases=self._aliases, deployments=self._deployments
        )

    def _without_provider(self, provider: str, entry: _Entry, error: ProviderError) -> Listing:
        if entry.models is not None:
            return Listing(provider, entry.models, "stale", self._clock.monotonic() - entry.fetched_at, error)
        if known := self._providers[provider].spec.known_models:
            return Listing(provider, known, "fallback", None, error)
        raise error.with_traceback(None)

    def _entry(self, provider: str, key: str | None) -> _Entry:
        """By a keyed hash: the list of one key is never shown to another, and no key is kept here."""
        if key is None and provider in self._own:
            return self._own[provider]
        digest = hashlib.blake2b((key or "").encode(), key=self._salt, digest_size=16).digest()
        entry = self._entries.setdefault((provider, digest), _Entry())
        self._entries.move_to_end((provider, digest))
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        return entry
