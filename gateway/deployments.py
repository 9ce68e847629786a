"""A name of the operator's that leads to several models, each with its share of those who ask: pure, without clock and I/O.

Who is led where is decided by weighted rendezvous hashing (Schindelhauer and Schomaker, "Weighted Distributed Hash Tables",
2005, the logarithmic method): every arm draws a number from the asker's hash and its own, and the best one wins. The same
asker is always led to the same arm, shares are as the weights say, and a change of one arm moves only askers from or to it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from math import log
from typing import Any, Literal, NamedTuple, get_args

from core.errors import Conflict
from gateway.routing import Target

Stage = Literal["staging", "production"]
Sticky = Literal["key", "request"]
STAGES: tuple[Stage, ...] = get_args(Stage)
#: `gemma:prod` leads to the version in production, `gemma:prod@staging` to the one that is tried.
STAGING = "@staging"
#: Versions that production can be led back to, and forward to.
_MOST_RELEASED = 50
_MASK = (1 << 64) - 1

Allows = Callable[[str, str], bool]
"""(provider, model) → whether the caller may use it."""


class Asker(NamedTuple):
    """Who asks: the seed or the user that the request itself tells, the id of the client key, the id of the request; empty
    where there is none. The operator is no client: its requests are led one by one."""

    told: str
    client: str
    request: str

    def seed(self, sticky: Sticky) -> str:
        return self.told or (self.client if sticky == "key" else "") or self.request


By = Callable[[], Asker]
"""Asked only where a name leaves a choice."""


@dataclass(frozen=True, slots=True)
class Arm:
    """`model` is the full name, `provider/model`; `weight` is its share among the weights of all arms."""

    model: str
    weight: float


@dataclass(frozen=True, slots=True)
class Version:
    """One way to share out a name. `at` in seconds since 1970, `by` the id of the key that made it."""

    number: int
    arms: tuple[Arm, ...]
    sticky: Sticky
    note: str
    at: float
    by: str

    def shares(self) -> dict[str, float]:
        """By the names of the models; they add up to 1."""
        whole = sum(arm.weight for arm in self.arms)
        return {arm.model: arm.weight / whole for arm in self.arms}

    def same_as(self, other: "Version | None") -> bool:
        """Whether it shares out as `other` does."""
        return other is not None and (self.arms, self.sticky, self.note) == (other.arms, other.sticky, other.note)


@dataclass(frozen=True, slots=True)
class Deployment:
    """`released` are the versions that were in production, the last of them is, and `later` those that it was led back from;
    `staged` is tried, under a name of its own."""

    alias: str
    released: tuple[Version, ...] = ()
    staged: Version | None = None
    later: tuple[Version, ...] = ()

    @property
    def live(self) -> Version | None:
        return self.released[-1] if self.released else None

    def at(self, stage: Stage) -> Version | None:
        return self.live if stage == "production" else self.staged

    def placed(self, version: Version, stage: Stage) -> "Deployment":
        if stage == "staging":
            return replace(self, staged=version)
        return replace(self, released=(*self.released, version)[-_MOST_RELEASED:])

    def promoted(self, number: int | None = None) -> "Deployment":
        """What is staged goes into production. Raises Conflict when nothing is, or another version than `number`."""
        if self.staged is None:
            hint = 'PUT the deployment with "stage": "staging" first.'
            raise Conflict(f"No version of {self.alias} is in staging.", hint=hint)
        if number not in (None, self.staged.number):
            detail = f"Version {self.staged.number} of {self.alias} is in staging, not {number}."
            raise Conflict(detail, hint="Look at it again, then promote it.", field="version")
        return replace(self.placed(self.staged, "production"), staged=None)

    def rolled_back(self, number: int | None = None) -> "Deployment":
        """Production is led back to the version before, or to the one that is named of all that it had; those behind it are
        `later`. Raises Conflict without such a one."""
        had, live = (*self.released, *self.later), len(self.released) - 1
        found = (place for place in reversed(range(len(had))) if had[place].number == number and place != live)
        place = live - 1 if number is None else next(found, -1)
        if place < 0:
            known = ", ".join(str(one) for one in sorted({version.number for version in had} - {self.live and self.live.number}))
            detail = f"Production of {self.alias} had no " + (
                f"other version {number}." if number else "version before this one."
            )
            hint = f"It had: {known}." if known else "It has had one version only: PUT another one."
            raise Conflict(detail, hint=hint, field="version" if number else None)
        return replace(self, released=had[: place + 1][-_MOST_RELEASED:], later=had[place + 1 :][-_MOST_RELEASED:])

    def to_record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Deployment":
        """The inverse of `to_record`, through JSON."""
        staged, (released, later) = record["staged"], (map(_version, record.get(name, ())) for name in ("released", "later"))
        return cls(record["alias"], tuple(released), staged and _version(staged), tuple(later))


def _version(record: Mapping[str, Any]) -> Version:
    return Version(**{**record, "arms": tuple(Arm(**arm) for arm in record["arms"])})


class Split:
    """A version as names hear it: who of those that ask for `name` is led to which of the arms that can be asked."""

    __slots__ = ("_arms", "_sticky", "targets")

    def __init__(self, name: str, alias: str, version: Version, providers: Collection[str]):
        self._sticky: Sticky = version.sticky
        shares = version.shares()
        self._arms: list[tuple[int, float, Target]] = []
        for arm in sorted(version.arms, key=lambda arm: -arm.weight):
            provider, _, model = arm.model.partition("/")
            if arm.weight and provider in providers:
                because = f"deployment {name}, arm {arm.model} ({shares[arm.model] * 100:.3g} %)"
                # Drawn under the alias: who is in the small arm of one deployment is not so in all others.
                self._arms.append((_hash(f"{alias}\0{arm.model}"), arm.weight, Target(provider, model, because, asked=name)))
        self.targets = tuple(target for _, _, target in self._arms)

    def choose(self, by: By | None, allows: Allows | None, provider: str | None = None) -> Target | None:
        """Of the arms that the caller may use, if there are such; of `provider` alone when it is given. Without `by` the
        heaviest one. None when no arm can be asked."""
        arms = self._arms if provider is None else [arm for arm in self._arms if arm[2].provider == provider]
        if allows is not None and len(arms) > 1:
            # None is left: the ledger then says that the key may not.
            arms = [arm for arm in arms if allows(arm[2].provider, arm[2].model)] or arms[:1]
        if by is None or len(arms) < 2:
            return arms[0][2] if arms else None
        seed = _hash(by().seed(self._sticky))
        return max(arms, key=lambda arm: _draw(seed, arm[0], arm[1]))[2]


def _hash(text: str) -> int:
    """64 bits."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _draw(seed: int, salt: int, weight: float) -> float:
    """ln(u) / weight with u evenly from (0, 1): the arm with the largest wins as often as its weight says.

    The bits are mixed as by splitmix64 (https://prng.di.unimi.it/splitmix64.c).
    """
    bits = (seed + salt) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    bits ^= bits >> 31
    return log(((bits >> 11) + 0.5) / (1 << 53)) / weight
