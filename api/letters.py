"""Texts of a model as strings of JSON, also when a piece ends in the middle of a character."""

import orjson

from utils import mended


class Letters:
    """One text that comes in pieces. A model's tokens may split a character into its two halves (UTF-16 surrogates), which no
    UTF-8 can carry: the first half waits for the next piece. A half that stays alone becomes U+FFFD."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def quoted(self, piece: str) -> bytes:
        """The piece as a string of JSON, with its quotation marks."""
        if self._half:
            piece, self._half = self._half + piece, ""
        try:
            return orjson.dumps(piece)
        except TypeError:
            if "\ud800" <= piece[-1:] <= "\udbff":
                piece, self._half = piece[:-1], piece[-1]
            return orjson.dumps(mended(piece))
