"""Streams of text made whole, as `utils.mended` makes a text."""

from utils import mended


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
