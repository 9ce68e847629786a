"""What goes on in the memory of a machine: the same for every view of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from fleet.compute import Resident

State = Literal["resident", "loading", "leaving"]


@dataclass(frozen=True, slots=True)
class Queue:
    """Requests for one model on one machine: `waiting` for their turn, and `inside` of its server. Seconds."""

    model: str
    waiting: int
    inside: int
    oldest_seconds: float | None = None
    eta_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Occupant:
    """A model in memory, on its way in (`loading`) or out (`leaving`). Bytes, None where nobody tells; seconds.

    It is so for `seconds` (None: nobody saw it come); one that is loading will be there in `eta_seconds`.
    """

    model: str
    state: State = "resident"
    size: int | None = None
    size_vram: int | None = None
    always_on: bool = False
    seconds: float | None = None
    eta_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """`phase` is what the machine's memory is at: serving, draining, unloading, loading. `occupants` None: nobody knows them."""

    phase: str
    queues: tuple[Queue, ...]
    occupants: tuple[Occupant, ...] | None = None


def standing(shown: dict[str, Any]) -> Standing:
    """From the snapshot of a swapper (`fleet.swapper.snapshot`)."""
    queues = [Queue(row["model"], row["waiting"], row["inside"], row["oldest"], row["eta"]) for row in shown["queues"]]
    occupants = [_occupant(row) for row in shown["residents"]]
    if shown["phase"] == "loading":
        move = shown["move"]
        is_pinned = move["to"] in shown["always_on"]
        occupants.append(Occupant(move["to"], "loading", None, None, is_pinned, move["since"], move["eta"]))
    known = shown["reachable"] or bool(occupants)
    return Standing(shown["phase"], tuple(queues), tuple(occupants) if known else None)


def _occupant(row: dict[str, Any]) -> Occupant:
    state: State = "leaving" if row["leaving"] else "resident"
    return Occupant(row["model"], state, row["size"] or None, row["size_vram"], row["always_on"], row["age"])


def occupants(residents: Iterable[Resident], keeps: Callable[[str], bool]) -> tuple[Occupant, ...]:
    """As a probe saw them."""
    return tuple(Occupant(one.name, "resident", one.size or None, one.size_vram, keeps(one.name)) for one in residents)
