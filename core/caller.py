"""Who asks, for whatever on the way down has to be fair between askers: the turns before a local model above all.

A context variable: it is read four floors below where it is known, and nobody between has any business with it.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Urgency = Literal["interactive", "normal", "batch"]


@dataclass(slots=True)
class Caller:
    """`machine` is written below: who answered. `on_wait` is told the seconds that are left until the caller's turn."""

    client: str = ""
    urgency: Urgency = "normal"
    machine: str | None = None
    on_wait: Callable[[float], None] | None = None


_CALLER: ContextVar[Caller] = ContextVar("caller")


def caller() -> Caller:
    """Of the work that is under way; of nobody's, somebody new."""
    found = _CALLER.get(None)
    if found is None:
        found = Caller()
        _CALLER.set(found)
    return found


def call_as(client: str, urgency: Urgency) -> Caller:
    """What follows in this task is asked by `client`."""
    made = Caller(client, urgency)
    _CALLER.set(made)
    return made
