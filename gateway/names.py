"""From the name that a client sends to who answers it: one look into a table that was made when the lists changed.

A name is, in this order: a deployment, an alias of the operator, `auto`, `provider/model`, or a model's bare name. A bare name
that several providers have is the one of a local model in memory, then of a local one, then of the provider that is configured
first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NoReturn

from rapidfuzz import fuzz, process, utils

from core.errors import ModelNotFound, ProviderNotConfigured
from gateway.deployments import STAGING, Allows, By, Deployment, Split
from gateway.facts import Model, unlisted
from gateway.routing import AUTO, LARGEST_LOCAL, Target, choose_model

__all__ = ["Allows", "Names"]

_REQUESTED = "requested"
_NEAREST = 3
_ALIKE = 60.0
_MAX_NAME = 200
_MAX_CANDIDATES = 5000


class Names:
    """Immutable. `providers` are those that can be asked, in the order of the configuration; `missing` the others, each with
    the setting that would make it usable. `aliases` lead to anything but an alias, `deployments` to several models."""

    def __init__(
        self,
        models: Iterable[Model],
        *,
        providers: Sequence[str],
        missing: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | None = None,
        deployments: Iterable[Deployment] = (),
        largest_local: int = LARGEST_LOCAL,
    ):
        self.models = tuple(models)
        self.aliases = dict(aliases or {})
        self._providers = tuple(providers)
        self._missing = dict(missing or {})
        self._largest_local = largest_local
        self._ranked = sorted(self.models, key=self._rank)
        self._owners = _owners(self._ranked)
        self._targets = {name: Target(model.provider, model.name, _REQUESTED) for name, model in self._owners.items()}
        if (automatic := self._automatic(self.models)) is not None:
            self._targets[AUTO] = automatic
        self._targets |= self._aliased()
        self._splits = _splits(deployments, self._providers)
        self._unable = {
            ability: frozenset((model.provider, model.name) for model in self.models if getattr(model.supports, ability) is False)
            for ability in ("chat", "embeddings")
        }
        led = [(alias, self.at(self._targets[alias])) for alias in self.aliases if alias in self._targets]
        self._aliases_of: dict[str, list[str]] = {}
        for alias, model in led:
            self._aliases_of.setdefault(model.id, []).append(alias)
        self._shown = [*((self.shown(model), model) for model in self.models), *led]

    def resolve(self, name: str, allows: Allows | None = None, by: By | None = None) -> Target:
        """A model that its provider does not list is reachable as `provider/model`.

        Where a name leaves a choice, what `allows` lets through is taken; a name without a choice leads where it leads. To
        which arm of a deployment it leads is a matter of who asks, `by`; without that to the heaviest.
        Raises ModelNotFound with the nearest names (of those that `allows` lets through), and ProviderNotConfigured.
        """
        if name in self._splits:
            return self.deployed(name, by, allows) or self._missed(name)
        found = self._targets.get(name)
        if found is None:
            return self._unlisted(name, allows)
        if allows is None or allows(found.provider, found.model):
            return found
        return self._another(name, allows) or found

    def deployed(self, name: str, by: By | None, allows: Allows | None, provider: str | None = None) -> Target | None:
        """The arm of a deployment, of `provider` alone when it is given; None when `name` is none, or no arm can be asked."""
        split = self._splits.get(name)
        return None if split is None else split.choose(by, allows, provider)

    def find(self, name: str) -> Model | None:
        """The model that `name` leads to but for deployments; None for a name that is not in any list."""
        target = self._targets.get(name)
        return None if target is None else self.at(target)

    def at(self, target: Target) -> Model:
        """What is known of a target, nothing when its provider does not list it."""
        listed = self._owners.get(f"{target.provider}/{target.model}")
        return listed if listed is not None else unlisted(target.provider, target.model)

    def visible(self, name: str, allows: Allows | None) -> Model:
        """The model that `name` leads to, for the lists. Raises as `resolve` does, and for what `allows` holds back."""
        target = self.resolve(name, allows)
        if allows is not None and not allows(target.provider, target.model):
            raise self.unknown(name, allows)
        return self.at(target)

    def allowed(self, allows: Allows | None) -> list[Model]:
        """The models that a caller may use, in the order of the lists."""
        return [model for model in self.models if allows is None or allows(model.provider, model.name)]

    def shown(self, model: Model) -> str:
        """The shortest name that leads to `model`: its bare name, unless that is another model's, an alias or a deployment."""
        target = self._targets[model.name]
        is_its_own = (target.provider, target.model) == (model.provider, model.name) and model.name not in self._splits
        return model.name if is_its_own else model.id

    def aliases_of(self, model: Model) -> list[str]:
        return self._aliases_of.get(model.id, [])

    def entries(self, allows: Allows | None = None) -> Iterator[tuple[str, Model]]:
        """Each model that `allows` lets through with the name it is shown by, then the aliases that lead to one,
        then the deployments in production with their heaviest arm."""
        for name, model in self._shown:
            if allows is None or allows(model.provider, model.name):
                yield name, model
        for name, split in self._splits.items():
            usable = (target for target in split.targets if allows is None or allows(target.provider, target.model))
            if not name.endswith(STAGING) and (heaviest := next(usable, None)) is not None:
                yield name, self.at(heaviest)

    def unable(self, target: Target, ability: str) -> bool:
        """Whether the target's model is known not to do that."""
        return (target.provider, target.model) in self._unable[ability]

    def able(self, ability: str, allows: Allows | None, first: str) -> list[str]:
        """At most three names of models that are known to do it, those of the provider `first` before all others."""
        found = [(shown, model) for shown, model in self.entries(allows) if getattr(model.supports, ability)]
        return [shown for shown, _ in sorted(found, key=lambda one: one[1].provider != first)[:_NEAREST]]

    def nearest(self, name: str, allows: Allows | None = None) -> list[str]:
        """At most three names that look like `name`, the nearest first."""
        return near(name, [shown for shown, _ in islice(self.entries(allows), _MAX_CANDIDATES)])

    def _rank(self, model: Model) -> tuple[bool, bool, int]:
        return not (model.local and model.info.resident), not model.local, self._providers.index(model.provider)

    def _another(self, name: str, allows: Allows) -> Target | None:
        """Where `name` may lead instead, for a caller who may not use where it leads."""
        asked = self.aliases.get(name, name)
        allowed = [model for model in self._ranked if allows(model.provider, model.name)]
        if asked == AUTO:
            return self._automatic(allowed)
        model = next((model for model in allowed if model.name in (asked, f"{asked}:latest")), None)
        return model and Target(model.provider, model.name, _REQUESTED)

    def _automatic(self, models: Sequence[Model]) -> Target | None:
        """The choice of the document wing, without its questions: local providers first, then the configured order."""
        local = {model.provider for model in models if model.local}
        for provider in sorted(self._providers, key=lambda name: name not in local):
            infos = [model.info for model in models if model.provider == provider and model.supports.chat is not False]
            if choice := choose_model(infos, largest=self._largest_local):
                return Target(provider, choice.model, f"auto: {provider} with {choice.model}, {choice.why}", automatic=True)
        return None

    def _aliased(self) -> dict[str, Target]:
        """An alias whose model is not listed now leads nowhere, unless it names its provider."""
        found = {}
        for alias, name in self.aliases.items():
            target = self._targets.get(name) or self._by_provider(name)
            if target is not None:
                found[alias] = target
        return found

    def _by_provider(self, name: str) -> Target | None:
        provider, slash, model = name.partition("/")
        return Target(provider, model, _REQUESTED) if slash and model and provider in self._providers else None

    def _unlisted(self, name: str, allows: Allows | None) -> Target:
        asked = self.aliases.get(name, name)
        if (target := self._by_provider(asked)) is not None:
            return target
        provider, slash, _ = asked.partition("/")
        if slash and provider in self._missing:
            hint = f"Set {self._missing[provider]} in .env."
            raise ProviderNotConfigured(f"{asked[:120]} cannot be asked: {provider} is not configured here.", hint=hint)
        if asked in ("", AUTO):
            hint = "POST /models/download brings one into Ollama, or configure another provider in .env."
            raise ModelNotFound("No provider has a model that can answer now.", hint=hint)
        raise self.unknown(asked, allows)

    def _missed(self, name: str) -> NoReturn:
        """Raises ProviderNotConfigured."""
        detail = f"No provider of the deployment {name[:120]} is configured here."
        raise ProviderNotConfigured(detail, hint="The operator can lead it elsewhere with PUT /models/deployments.")

    def unknown(self, name: str, allows: Allows | None = None) -> ModelNotFound:
        """What to raise for a name that leads nowhere, with the nearest ones."""
        nearest = self.nearest(name, allows)
        hint = f"Near are: {', '.join(nearest)}." if nearest else "GET /v1/models lists the names that there are."
        return ModelNotFound(f"There is no model named {name[:120]!r}.", nearest=nearest, hint=hint)


def near(asked: str, known: Sequence[str]) -> list[str]:
    """At most three of the `known` names that look like the one that was asked for, the nearest first."""
    alike = process.extract(
        asked[:_MAX_NAME], known, scorer=fuzz.WRatio, processor=utils.default_process, limit=_NEAREST, score_cutoff=_ALIKE
    )
    return [found for found, _, _ in alike]


def _splits(deployments: Iterable[Deployment], providers: Sequence[str]) -> dict[str, Split]:
    """By the names that lead to a version, in production and in staging."""
    found = {}
    for one in deployments:
        for version, name in ((one.live, one.alias), (one.staged, one.alias + STAGING)):
            if version is not None:
                found[name] = Split(name, one.alias, version, providers)
    return found


def _owners(models: Iterable[Model]) -> dict[str, Model]:
    """Every spelling of every model; of two with one spelling the first holds it, and a full name is never given away."""
    models = list(models)
    owners: dict[str, Model] = {model.id: model for model in models}
    for model in models:
        spellings = [model.name, model.id, *(one.removesuffix(":latest") for one in (model.name, model.id))]
        for spelling in spellings:
            owners.setdefault(spelling, model)
    return owners
