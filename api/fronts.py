"""The addresses that the gate serves past the framework, all of them together."""

import re
from collections.abc import Sequence

from api.errors import ErrorDialect
from api.exchange import Exchange
from api.gate import Handler, Rule
from api.policy import CLIENTS, Policy, Role
from gateway.names import Names

#: Pictures come as base64 inside of the JSON; providers themselves take 20 to 32 MB.
_MOST_BYTES = 32 << 20
#: Seconds that a list waits, right after the start, for providers that have not told yet what they have.
_FIRST_LISTS = 2.0


async def listed(exchange: Exchange) -> Names:
    """The names for a list of models."""
    await exchange.rooms.catalogue.begun(_FIRST_LISTS)
    return exchange.rooms.catalogue.names


def at(
    template: str, handler: Handler, dialect: ErrorDialect, *, methods: Sequence[str] = ("POST",), roles: Sequence[Role] = CLIENTS
) -> Rule:
    """`{name}` at the end of a template takes the rest of the path: names of models have slashes and colons."""
    pattern = re.compile(re.sub(r"\\\{\w+\\\}$", "(?P<name>.+)", re.escape(template)) + "$")
    return Rule(template, pattern, frozenset(methods), Policy(frozenset(roles), _MOST_BYTES), handler, dialect)
