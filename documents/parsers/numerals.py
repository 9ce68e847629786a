"""Numbers that recognition broke: `765.865.078-1 2` is one CPF, when its pieces stand closer than words do."""

import itertools
import re
from collections.abc import Sequence

from documents.parsers.layout import Placed

#: Of the height of the words; a blank is wider in every font that was measured, a wide 1 leaves less beside it. The printer of
#: a till gives every character the same width, and a point is lost in the middle of its own.
CLOSE, CLOSE_ON_RECEIPTS = 0.3, 0.7
_OVERLAP = 1.5
#: Forms that no two words make by chance: CPF, CNPJ, an amount with thousands or cents, a date.
_WHOLE = re.compile(
    r"\d{3}\.\d{3}\.\d{3}-\d{2}|[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-\d{2}"
    r"|\d{1,3}(?:\.\d{3})+,\d{2}|(?:R[MN$]|\$)?\d{1,3}[.,]\d{2}|\d{2}/\d{2}/\d{4}"
)
_PIECE = re.compile(r"[0-9A-Z.,/$-]{1,18}")
_MOST_PIECES = 3


def mended(words: Sequence[Placed], close: float = CLOSE) -> list[Placed]:
    """The words with broken numbers made whole; pieces follow each other on their line, `close` heights apart at the most."""
    whole: list[Placed] = []
    start = 0
    while start < len(words):
        runs = (words[start : start + count] for count in range(_MOST_PIECES, 1, -1))
        run = next((run for run in runs if len(run) > 1 and _belong(run, close)), words[start : start + 1])
        whole.append(_joined(run))
        start += len(run)
    return whole


def _belong(pieces: Sequence[Placed], close: float) -> bool:
    if not all(_PIECE.fullmatch(piece.text) for piece in pieces) or any(_WHOLE.fullmatch(piece.text) for piece in pieces):
        return False
    near = all(
        one.line == other.line and -_OVERLAP < (other.x0 - one.x1) / max(one.y1 - one.y0, other.y1 - other.y0, 1.0) < close
        for one, other in itertools.pairwise(pieces)
    )
    return near and _WHOLE.fullmatch("".join(piece.text for piece in pieces)) is not None


def _joined(pieces: Sequence[Placed]) -> Placed:
    if len(pieces) == 1:
        return pieces[0]
    known = [piece.confidence for piece in pieces if piece.confidence is not None]
    return Placed(
        "".join(piece.text for piece in pieces),
        min(piece.x0 for piece in pieces), min(piece.y0 for piece in pieces),
        max(piece.x1 for piece in pieces), max(piece.y1 for piece in pieces),
        pieces[0].line, min(known, default=None),
    )  # fmt: skip
