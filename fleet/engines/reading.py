"""Members of what an engine answers, each believed only when it can be what it should be."""

from collections.abc import Iterator, Mapping
from typing import Any

#: More models than this are not read, longer names are not either.
_MOST = 2000
_LONGEST = 300
#: The largest size that is believed, in bytes: a petabyte.
_LARGEST = 1 << 50


def entries(value: Any, member: str) -> Iterator[Mapping[str, Any]] | None:
    """The objects of the list `member`; None when there is no such list, so that the answer is none of this kind."""
    listed = value.get(member) if isinstance(value, Mapping) else None
    return (one for one in listed[:_MOST] if isinstance(one, Mapping)) if isinstance(listed, list) else None


def name_of(value: Any) -> str | None:
    """A name fit to be shown and sent back."""
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable() else None


def names_of(value: Any) -> tuple[str, ...]:
    return tuple(name for one in value[:_MOST] if (name := name_of(one))) if isinstance(value, list) else ()


def bytes_of(value: Any) -> int | None:
    return _number(value, _LARGEST)


def count_of(value: Any) -> int | None:
    """How many questions at once."""
    return _number(value, 10_000)


def inside(value: Any, *members: str) -> Any:
    """The value at the end of `members`; None when one of them is missing."""
    for member in members:
        value = value.get(member) if isinstance(value, Mapping) else None
    return value


def _number(value: Any, largest: int) -> int | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= largest
    return int(value) if fits else None
