"""Who may call a route, and how much it may send. A route without a declared policy stops the start."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from gateway.grants import Grant
from gateway.names import Allows

F = TypeVar("F", bound=Callable)


class Role(StrEnum):
    ANYONE = "anyone"
    CLIENT = "client"
    OPERATOR = "operator"
    MASTER = "master"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Policy:
    """`body` is the largest request body in bytes; None takes the limit of uploads."""

    roles: frozenset[Role]
    body: int | None = 1 << 20


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling: a role and, for keys, the id that owns what the call makes, and what it may ask of models."""

    role: Role
    key_id: str = ""
    grant: Grant | None = None

    @property
    def has_own_rate(self) -> bool:
        return self.grant is not None and self.grant.rpm is not None

    @property
    def allows(self) -> Allows | None:
        """Which models the caller may use; None for all."""
        return None if self.grant is None else self.grant.allows

    @property
    def owner(self) -> str | None:
        """The owner to look for in rows; None sees the rows of all."""
        return None if self.role is Role.OPERATOR else self.key_id


NOBODY = Principal(Role.ANYONE)


def allow(*roles: Role, body: int | None = 1 << 20) -> Callable[[F], F]:
    """Declares the policy of an endpoint; the gate enforces it from the headers, before the endpoint is called."""

    def declare(endpoint: F) -> F:
        endpoint.__policy__ = Policy(frozenset(roles), body)
        return endpoint

    return declare


EVERYONE = allow(Role.ANYONE)
CLIENTS = (Role.CLIENT, Role.OPERATOR)
