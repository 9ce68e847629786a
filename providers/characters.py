"""Values of JSON and streams of text made whole, as `utils.mended` makes a text."""

from typing import Any

from utils import mended


def wholly(value: Any) -> Any:
    """A value of JSON with every text and every name in it made whole."""
    match value:
        case str():
            return mended(value)
        case dict():
            return {mended(name): wholly(inner) for name, inner in value.items()}
        case list():
            return [wholly(inner) for inner in value]
    return value


class Halves:
    """Makes the pieces of a stream whole: a first half at the end of a piece waits for the next one."""

    def __init__(self) -> None:
        self._half = ""

    def add(self, piece: str, *, last: bool = False) -> str:
        """What can be said of the text so far; with the `last` piece, all that is left of it."""
        text, self._half = self._half + piece, ""
        if not last and "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return mended(text)
