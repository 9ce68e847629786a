"""The deployments of this house: each change is stored first, then heard by every request from the next one on."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, NamedTuple

from core.clock import Clock
from core.errors import Conflict, InvalidField, ModelNotFound, NotFound, ProviderError, ProviderNotConfigured
from core.logs import get_logger
from gateway.catalogue import Catalogue
from gateway.deployments import STAGING, Allows, Arm, Deployment, Stage, Sticky, Version
from gateway.names import near
from gateway.routing import AUTO
from store.database import Database
from store.deployments import Deployments, Move
from store.outcomes import Outcomes

#: Names that mean something else.
_RESERVED = (AUTO, "builtin")

log = get_logger()


class Releases:
    """`open` once before it is asked. Changes are made one after the other; what is asked meanwhile sees the state before."""

    def __init__(self, store: Deployments, catalogue: Catalogue, clock: Clock):
        self._store, self._catalogue, self._clock = store, catalogue, clock
        self._deployments: dict[str, Deployment] = {}
        self._changing = asyncio.Lock()

    async def open(self) -> None:
        self._hear({record["alias"]: Deployment.of(record) for record in await self._store.load()})

    def all(self, allows: Allows | None = None) -> list[Deployment]:
        """Those that lead to a model which `allows` lets through."""
        return [one for one in self._deployments.values() if _usable(one, allows)]

    def get(self, alias: str, allows: Allows | None = None) -> Deployment:
        """Raises NotFound with the nearest names, also for one that leads to nothing which `allows` lets through."""
        found = self._deployments.get(alias)
        if found is not None and _usable(found, allows):
            return found
        alike = near(alias, [one.alias for one in self.all(allows)])
        hint = f"Near are: {', '.join(alike)}." if alike else "GET /models/deployments lists them."
        raise NotFound(f"There is no deployment named {alias[:120]!r}.", hint=hint, field="alias")

    async def moves(self, alias: str, limit: int) -> Sequence[Any]:
        """The rows of `store.deployments`, the newest first."""
        return await self._store.moves(alias, limit)

    async def put(
        self, alias: str, arms: Sequence[tuple[str, float]], *, stage: Stage, sticky: Sticky, note: str, by: str
    ) -> Deployment:
        """A version of `arms`, (name of a model, weight), stands in `stage`; the same one again changes nothing.

        Raises Conflict for a name that is something else, InvalidField, ModelNotFound and ProviderNotConfigured for arms, each
        with its field.
        """
        async with self._changing:
            before = self._deployments.get(alias)
            if before is None:
                self._must_be_free(alias)
            led = tuple([Arm(await self._whole(name, place, alias), weight) for place, (name, weight) in enumerate(arms)])
            _must_add_up(led)
            standing = before or Deployment(alias)
            number = await self._store.last_version(alias) + 1
            version = Version(number, led, sticky, note, self._clock.now(), by)
            if version.same_as(standing.at(stage)):
                return standing
            return await self._change(standing.placed(version, stage), "put", stage, by)

    async def promote(self, alias: str, number: int | None, by: str) -> Deployment:
        """Raises NotFound, Conflict when nothing is staged, or another version than `number`, and ModelNotFound for an arm that
        has gone since it was staged."""
        async with self._changing:
            promoted = self.get(alias).promoted(number)
            for arm in promoted.at("production").arms:
                await self._must_be_there(arm.model)
            return await self._change(promoted, "promote", "production", by)

    async def roll_back(self, alias: str, number: int | None, by: str) -> Deployment:
        """Raises NotFound, and Conflict without an earlier version, or without that of `number`."""
        async with self._changing:
            return await self._change(self.get(alias).rolled_back(number), "rollback", "production", by)

    async def delete(self, alias: str, by: str) -> None:
        """Raises NotFound."""
        async with self._changing:
            self.get(alias)
            await self._store.remove(Move(alias, self._clock.now(), by, "delete", "production"))
            self._hear({name: one for name, one in self._deployments.items() if name != alias})
            log.info("deployment.deleted", alias=alias, by=by)

    async def _change(self, deployment: Deployment, move: str, stage: Stage, by: str) -> Deployment:
        version = deployment.at(stage)
        made = Move(deployment.alias, self._clock.now(), by, move, stage, version.number, asdict(version))
        await self._store.save(deployment.to_record(), made)
        self._hear({**self._deployments, deployment.alias: deployment})
        log.info("deployment.changed", alias=deployment.alias, move=move, stage=stage, version=version.number, by=by)
        return deployment

    def _hear(self, deployments: dict[str, Deployment]) -> None:
        self._deployments = dict(sorted(deployments.items()))
        self._catalogue.deploy(self._deployments.values())

    def _must_be_free(self, alias: str) -> None:
        """Raises Conflict when `alias` leads somewhere already: a deployment is heard first and would hide it."""
        names = self._catalogue.names
        if alias in names.aliases:
            raise Conflict(f"{alias} is an alias of the settings.", hint="Take it out of MODEL_ALIASES first.", field="alias")
        hidden = names.find(alias)
        if hidden is not None or alias in _RESERVED:
            detail = f"{alias} is a model: {hidden.id}." if hidden is not None else f"{alias} means something of its own."
            raise Conflict(detail, hint=f"Choose another name, such as {alias}-prod.", field="alias")

    async def _whole(self, name: str, place: int, alias: str) -> str:
        """`provider/model` of a target. Raises InvalidField, ModelNotFound and ProviderNotConfigured."""
        field = f"targets.{place}.model"
        leads_on = {alias, *self._deployments, *self._catalogue.names.aliases, AUTO}
        if name in leads_on or name.removesuffix(STAGING) in leads_on:
            detail = f"{name} leads to other models itself."
            raise InvalidField(detail, hint="Name the model: GET /api/models lists them.", field=field)
        try:
            target = self._catalogue.names.resolve(name)
            whole = f"{target.provider}/{target.model}"
            await self._must_be_there(whole)
        except (ModelNotFound, ProviderNotConfigured) as error:
            error.field = field
            raise
        listed = self._catalogue.names.find(whole)
        return listed.id if listed is not None else whole

    async def _must_be_there(self, whole: str) -> None:
        """A model of a provider whose list is not known now may be. Raises ModelNotFound."""
        if self._catalogue.names.find(whole) is not None:
            return
        provider = whole.partition("/")[0]
        with suppress(ProviderError):
            await self._catalogue.listing(provider, fresh=True)  # it may have come this moment
        known = any(one.provider == provider and one.source in ("live", "stale") for one in self._catalogue.followed())
        listed = any(model.provider == provider for model in self._catalogue.names.models)
        if known and listed and self._catalogue.names.find(whole) is None:
            raise self._catalogue.names.unknown(whole)


class Deployed(NamedTuple):
    """What the house has of deployments, by the names of its rooms."""

    releases: Releases
    outcomes: Outcomes


async def open_releases(database: Database, catalogue: Catalogue, clock: Clock) -> Deployed:
    """With what was deployed before."""
    releases = Releases(Deployments(database), catalogue, clock)
    await releases.open()
    return Deployed(releases, Outcomes(database))


def _must_add_up(arms: Sequence[Arm]) -> None:
    """Raises InvalidField."""
    if not sum(arm.weight for arm in arms) > 0:
        raise InvalidField("The weights of the targets add up to nothing.", hint="Give one more than 0.", field="targets")
    models = [arm.model for arm in arms]
    for place, model in enumerate(models):
        if model in models[:place]:
            detail = f"{model} is named twice."
            raise InvalidField(detail, hint="Add its weights up.", field=f"targets.{place}.model")


def _usable(deployment: Deployment, allows: Allows | None) -> bool:
    return allows is None or any(allows(*arm.model.split("/", 1)) for arm in _arms(deployment))


def _arms(deployment: Deployment) -> Iterator[Arm]:
    for version in (deployment.live, deployment.staged):
        if version is not None:
            yield from version.arms
