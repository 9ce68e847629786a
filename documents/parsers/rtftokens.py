"""RTF as tokens (RTF specification 1.9.1): groups, control words with their number, and bytes of text. Linear."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from core.errors import DocumentTooComplex

TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n\0]+|([^\\{}\r\n\0]+)", re.DOTALL
)
LITERALS = (b"\\", b"{", b"}")
MAX_DEPTH = 10_000


class Token(NamedTuple):
    """`word` is a control word or a control symbol, `{`, `}`, or "" for `text`."""

    word: str
    number: int | None = None
    text: bytes = b""


def tokens(data: bytes) -> Iterator[Token]:
    """All tokens; what cannot be one is passed over. Raises DocumentTooComplex for groups in groups without end."""
    place = depth = 0
    while match := TOKEN.search(data, place):
        place = match.end()
        word, number, code, symbol, brace, text = match.groups()
        if text is not None:
            yield Token("", None, text)
        elif code is not None:
            yield Token("", None, bytes((int(code, 16),)))
        elif brace is not None:
            depth += 1 if brace == b"{" else -1
            if depth > MAX_DEPTH:
                raise DocumentTooComplex("The groups of the document are nested too deeply.")
            yield Token(brace.decode())
        elif word == b"bin":
            place += max(0, int(number or 0))
        elif word is not None:
            yield Token(word.decode(), None if number is None else int(number))
        elif symbol is not None:
            yield Token("", None, symbol) if symbol in LITERALS else Token(symbol.decode("latin-1"))
