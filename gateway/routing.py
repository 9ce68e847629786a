"""Which provider and which model, when the caller leaves it to us: pure, without clock and without I/O."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from providers.types import Capabilities, ModelInfo

AUTO = "auto"
#: Weights in bytes (about 14 billion parameters at four bits): more than that is slow on the machines this is for.
LARGEST_LOCAL = 9 << 30

# A family name that says its version and its tier and nothing else: previews, dated and special-purpose models say more.
_STABLE = re.compile(r"[a-z]{2,20}-(\d{1,3})(?:\.(\d{1,3}))?-(flash|flash-lite|pro)(-\d{3})?")
# What makers call those of their models that answer quickly and cost little.
_FAST = re.compile(r"-(?:mini|haiku|fast|flash|small|lite)(?![a-z])")
_TIERS = ("pro", "flash-lite", "flash")


@dataclass(slots=True, unsafe_hash=True)  # not frozen: it may be made for each question
class Target:
    """`because` is "requested", "auto: …" or "deployment …"; `automatic` says that the provider was left to us, so another
    may step in; `asked` is the name of the deployment that leads here, if one does."""

    provider: str
    model: str
    because: str
    automatic: bool = False
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    model: str
    why: str


def order(capabilities: Mapping[str, Capabilities], usable: Iterable[str], priority: str) -> list[str]:
    """The usable providers, best first: local ones cost nothing and keep the document here; what is urgent goes to the cloud."""
    cloud_first = priority == "urgent"
    return sorted(usable, key=lambda name: (capabilities[name].local == cloud_first, name))


def choose_model(models: Sequence[ModelInfo], wanted: str | None = None, *, largest: int = LARGEST_LOCAL) -> Choice | None:
    """The model that was asked for, else one in memory, else the largest sensible one, else the newest stable fast one.

    None when there is none that completes text. Models that a local server only forwards to a cloud are never chosen
    unasked: who chose local did not agree to that.
    """
    able = [
        model for model in models if "completion" in model.capabilities or (not model.capabilities and "embed" not in model.name)
    ]
    if wanted and (named := next((model for model in able if model.name in (wanted, f"{wanted}:latest")), None)):
        return Choice(named.name, f"{named.name} was asked for")
    able = [model for model in able if "remote" not in model.capabilities]
    if resident := [model for model in able if model.resident]:
        return Choice(max(resident, key=_size).name, "it is in memory already")
    if sized := [model for model in able if model.size]:
        fitting = [model for model in sized if model.size <= largest]
        if fitting:
            return Choice(max(fitting, key=_size).name, "it is the largest sensible model that is installed")
        return Choice(min(sized, key=_size).name, "it is the smallest model that is installed")
    if stable := [(rank, model) for model in able if (rank := _stability(model.name))]:
        return Choice(max(stable, key=lambda pair: pair[0])[1].name, "it is the newest stable fast model")
    if plain := [model for model in able if "json_schema" in model.capabilities]:
        return Choice(max(plain, key=_fitness).name, "it is a fast one that keeps to a schema, the newest that is known")
    return Choice(able[0].name, "it is the first in the list") if able else None


def _fitness(model: ModelInfo) -> tuple[bool, str]:
    return _FAST.search(model.name) is not None, model.modified_at or ""


def _size(model: ModelInfo) -> int:
    return model.size or 0


def _stability(name: str) -> tuple[int, int, int, bool] | None:
    """(tier, major, minor, no build number), for comparison; None for what is not a plain stable name."""
    found = _STABLE.fullmatch(name)
    return (_TIERS.index(found[3]), int(found[1]), int(found[2] or 0), not found[4]) if found else None
