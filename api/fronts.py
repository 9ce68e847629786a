"""The addresses that the gate serves past the framework, all of them together."""

import re
from collections.abc import Sequence

from api.errors import ErrorDialect
from api.gate import Handler, Rule
from api.policy import CLIENTS, Policy, Role

#: Pictures come as base64 inside of the JSON; providers themselves take 20 to 32 MB.
_MOST_BYTES = 32 << 20


def at(
    template: str, handler: Handler, dialect: ErrorDialect, *, methods: Sequence[str] = ("POST",), roles: Sequence[Role] = CLIENTS
) -> Rule:
    """`{name}` at the end of a template takes the rest of the path: names of models have slashes and colons."""
    pattern = re.compile(re.sub(r"\\\{\w+\\\}$", "(?P<name>.+)", re.escape(template)) + "$")
    return Rule(template, pattern, frozenset(methods), Policy(frozenset(roles), _MOST_BYTES), handler, dialect)
