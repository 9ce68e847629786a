"""The one staircase to the models: which provider, which model, and an answer that survives a hiccup."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter

from core.errors import (
    ModelNotInstalled,
    ModelOutOfMemory,
    ProviderError,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnreachable,
)  # fmt: skip
from gateway.abilities import Ability, cured, refused
from gateway.asking import BUILTIN, Asking, Attempts
from gateway.catalogue import Catalogue, Listing
from gateway.deployments import By
from gateway.names import Allows
from gateway.retry import Retry
from gateway.routing import AUTO, LARGEST_LOCAL, Target, choose_model, order
from providers.base import Provider
from providers.types import ChatReply, ChatRequest, ModelInfo

_OVERLOADED = (ProviderUnreachable, ProviderRateLimited, ProviderTimeout, ModelOutOfMemory)


_ALL_OF = attrgetter(*(one.name for one in fields(ChatReply)))


@dataclass(slots=True)
class Completion(ChatReply):
    """A reply and who gave it: `target` differs from the one asked when another provider stepped in."""

    target: Target = field(kw_only=True)


class Gateway(Asking):
    """`own_keys` names the providers that have a key in the settings; `largest_local` caps a local model chosen by us (bytes)."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        catalogue: Catalogue,
        *,
        retry: Retry | None = None,
        own_keys: Collection[str] = (),
        largest_local: int = LARGEST_LOCAL,
        first_content: float = 300.0,
        speaks: Callable[[Target], bool] = lambda target: True,
    ):
        super().__init__(providers, retry or Retry(), first_content, speaks)
        self._catalogue = catalogue
        self._own_keys = frozenset(own_keys)
        self._largest_local = largest_local

    def has_key(self, provider: str, api_key: str | None) -> bool:
        """Whether a request to `provider` would carry a key, its own or ours, or needs none."""
        capabilities = self.capabilities(provider)
        brought = bool(api_key) and capabilities.key_per_request
        return not capabilities.needs_key or brought or provider in self._own_keys

    def resolve(self, model: str, allows: Allows | None = None, by: By | None = None) -> Awaitable[Target]:
        """Who answers for a name that a client sends: in memory, at once, unless it is in no list. `allows` is what the caller
        may use, `by` who asks.

        Raises ModelNotFound with the nearest names, and ProviderNotConfigured.
        """
        return self._catalogue.sought(lambda names: names.resolve(model, allows, by))

    def must_be_able(self, target: Target, ability: Ability, allows: Allows | None = None) -> None:
        """Raises ModelUnable for a model that is known not to do what it is asked for."""
        if self._catalogue.names.unable(target, ability):
            raise self.cured(target, refused(self._catalogue.names, target, ability), ability, allows)

    def cured(self, target: Target, error: ProviderError, ability: Ability, allows: Allows | None = None) -> ProviderError:
        """`error` of a provider that does not know the target's model, or whose model is unable, with the names of others."""
        local = self.capabilities(target.provider).local
        return cured(self._catalogue.names, target, error, ability, local=local, allows=allows)

    async def models(self, provider: str, api_key: str | None = None, *, fresh: bool = False) -> Listing:
        """Raises InvalidField, and ProviderError when there is nothing to show."""
        self._provider(provider)
        return await self._catalogue.listing(provider, api_key, fresh=fresh)

    async def route(
        self,
        provider: str,
        model: str,
        *,
        api_key: str | None,
        priority: str = "normal",
        by: By | None = None,
        allows: Allows | None = None,
    ) -> Target | None:
        """Who shall answer; None means that no model can and the built-in finder shall. A deployment leads to that of its arms
        which is for `by`, of those that `allows` lets through and that are of `provider`.

        Raises InvalidField for an unknown provider, ModelUnable for a model that only embeds, and for `auto` as the model of a
        named provider ModelNotInstalled or another ProviderError when that provider has no model to choose from.
        """
        if provider == BUILTIN:
            return None
        named = None if model in ("", AUTO) else model
        if provider != AUTO:
            self._provider(provider)
        if named and (arm := self._catalogue.names.deployed(named, by, allows, None if provider == AUTO else provider)):
            return arm
        if provider == AUTO:
            outright = named and self._outright(named, allows)
            return outright or await self._route_freely(named, api_key, priority, allows)
        if named:
            return self._requested(provider, named, allows)
        listing = await self._catalogue.listing(provider, api_key)
        choice = choose_model(listing.models, largest=self._largest_local)
        if choice is None:
            hint = 'Download one with POST /models/download {"model": "gemma3:1b"}, or send AI-Provider builtin.'
            raise ModelNotInstalled(f"{self._title(provider)} has no model that can answer.", hint=hint)
        return Target(provider, choice.model, f"auto: {choice.why}")

    def _outright(self, named: str, allows: Allows | None) -> Target | None:
        """Where an alias or `provider/model` leads; None for a bare name."""
        names = self._catalogue.names
        name = names.aliases.get(named, named)
        provider, slash, model = name.partition("/")
        if (slash or name != named) and (listed := names.find(name)) is not None:
            return self._requested(listed.provider, listed.name, allows)
        return self._requested(provider, model, allows) if model and provider in self._providers else None

    def _requested(self, provider: str, named: str, allows: Allows | None) -> Target:
        listed, own = self._catalogue.names.find(f"{provider}/{named}"), named.removeprefix(f"{provider}/")
        if listed is None and own != named:
            return self._requested(provider, own, allows)
        if listed is not None:
            self.must_be_able(Target(provider, listed.name, ""), "chat", allows)
        return Target(provider, named, "requested")

    async def _route_freely(self, named: str | None, api_key: str | None, priority: str, allows: Allows | None) -> Target | None:
        notes: list[str] = []
        unable: Target | None = None
        for name in self._order(api_key, priority):
            listing = await self._reachable(name, api_key, notes)
            if listing is None:
                continue
            if named and listing.source == "cache" and self.capabilities(name).local and not listing.find(named):
                listing = await self._reachable(name, api_key, notes, fresh=True) or listing
            choice, found = choose_model(listing.models, named, largest=self._largest_local), named and listing.find(named)
            if named and not found:
                notes.append(f"{self._title(name)} does not have it")
            elif choice is None or (found and choice.model != found.name):
                notes.append(f"{self._title(name)} has no model that can answer")
                unable = Target(name, found.name, "") if found else None
            else:
                return self._free_target(name, choice.model, choice.why, notes)
        if named is None:
            return None
        if unable:
            raise self.cured(unable, refused(self._catalogue.names, unable, "chat"), "chat", allows)
        # Another model than the one that was named would be a silent exchange.
        why = "; ".join(notes) or "no provider is configured for it"
        hint = f'POST /models/download {{"model": "{named}"}} brings it into Ollama; Model: auto takes what is there.'
        raise ModelNotInstalled(f"No provider can answer with {named[:120]}: {why}.", hint=hint)

    def _free_target(self, name: str, model: str, why: str, notes: list[str]) -> Target:
        return Target(name, model, "; ".join([f"auto: {self._title(name)} with {model}, {why}", *notes]), automatic=True)

    async def _reachable(self, name: str, api_key: str | None, notes: list[str], *, fresh: bool = False) -> Listing | None:
        """The list of a provider that answers now; one that failed is noted and passed over."""
        try:
            listing = await self._catalogue.listing(name, api_key, fresh=fresh)
        except ProviderError as error:
            notes.append(error.detail.rstrip("."))
            return None
        if listing.source == "fallback" or (listing.source == "stale" and self.capabilities(name).local):
            notes.append(listing.error.detail.rstrip("."))
            return None
        return listing

    def _order(self, api_key: str | None, priority: str) -> list[str]:
        capabilities = {name: provider.spec.capabilities for name, provider in self._providers.items()}
        usable = [name for name in self.names if capabilities[name].chat and self.has_key(name, api_key)]
        return order(capabilities, usable, priority)

    async def model_info(self, target: Target, api_key: str | None) -> ModelInfo | None:
        """What the catalogue knows of the target's model, or None when the provider does not list it."""
        try:
            listing = await self._catalogue.listing(target.provider, api_key)
            if listing.source == "cache" and not listing.find(target.model):
                listing = await self._catalogue.listing(target.provider, api_key, fresh=True)
        except ProviderError:
            return None  # the question itself will tell what is wrong
        found = listing.find(target.model)
        if found is None or found.context is not None:
            return found
        return replace(found, context=self._catalogue.names.at(target).info.context)

    async def complete(self, target: Target, request: ChatRequest, attempts: Attempts | None = None) -> Completion:
        """Asks `target`, again when that can help; another provider only when the caller left the provider to us.

        Raises ProviderError: the one of `target`, also when the one that stepped in failed too.
        """
        tries = attempts or Attempts()
        try:
            return await self._ask(target, request, tries)
        except _OVERLOADED as error:
            other = await self._step_in(target, request, error) if target.automatic else None
            if other is None:
                raise
            try:
                return await self._ask(other, request, tries)
            except ProviderError:
                raise error from None

    def _ask(self, target: Target, request: ChatRequest, attempts: Attempts) -> Awaitable[Completion]:
        asked, provider = request.to(target.model), self._provider(target.provider)

        async def answered() -> Completion:
            with attempts:
                reply = await provider.chat(asked)
            return Completion(*_ALL_OF(reply), target=target)

        return self._retry(answered)

    async def _step_in(self, target: Target, request: ChatRequest, error: ProviderError) -> Target | None:
        """The next provider from the cloud: a local one would fail on the same machine."""
        notes = [error.detail.rstrip(".")]
        for name in self._order(request.api_key, "urgent"):
            if name == target.provider or self.capabilities(name).local:
                continue
            listing = await self._reachable(name, request.api_key, notes)
            choice = listing and choose_model(listing.models)
            if choice:
                return self._free_target(name, choice.model, choice.why, notes)
        return None
