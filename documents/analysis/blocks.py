"""Where JSON stands in a text that is not all JSON: its balanced blocks, found in one pass."""

import re
from dataclasses import dataclass

MAX_DEPTH = 64

_OPENER = re.compile(r"[\[{]")
# A string that never ends matches to the end of the text: one pass, whatever stands in it.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


class TooDeep(ValueError):
    """A block is nested deeper than MAX_DEPTH levels."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The `whole` blocks in their order, and where the one begins that never ends (None when all end)."""

    whole: list[str]
    unclosed: int | None


def depth_of(text: str) -> int:
    """How deep the brackets of `text` are nested, brackets in strings left out."""
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in "]}":
            depth = max(depth - 1, 0)
    return deepest


def _end_of_block(text: str, start: int) -> int | None:
    """The offset behind the bracket that closes the one at `start`, or None when the text ends before it."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise TooDeep
        elif first in "]}":
            depth -= 1
            if depth == 0:
                return token.end()
    return None


def blocks_of(text: str, start: int = 0) -> Blocks:
    """The top-level blocks of `text[start:]`; raises TooDeep."""
    whole = []
    position = start
    while opener := _OPENER.search(text, position):
        end = _end_of_block(text, opener.start())
        if end is None:
            return Blocks(whole, opener.start())
        whole.append(text[opener.start() : end])
        position = end
    return Blocks(whole, None)
