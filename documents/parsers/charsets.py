"""Text from bytes: by their mark, by what somebody declared, by what they are.

All of the bytes decide, never the first few thousand: a late accent must not change what came before it. UTF-8 is believed
first, as a text that is valid UTF-8 by chance is hardly ever written; a declaration only as long as it fits.
"""

import codecs
import re

from charset_normalizer import from_bytes
from charset_normalizer.constant import IANA_SUPPORTED

from documents.parsed import Notice

BOMS = (  # UTF-32 before UTF-16: its little-endian mark begins with the other's
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-7",
             "ascii", "cp1252", "latin-1", "iso8859-15", "iso8859-8-i", "cp500", "mac_roman", *IANA_SUPPORTED)  # fmt: skip
SAMPLE = 4096
LEAST_GUESS = 40  # characters: a shorter text does not tell its encoding
GUESS_SAMPLE = 32 << 10  # bytes that the detector looks at: it tries dozens of encodings
ODD_SHARE = 0.3  # of the characters outside ASCII: no Windows-1252 text of a European language has so many
WRONG_SHARE = 0.1  # of those that cut a word in two although they are no letters
SLIPS = 20  # so many good sequences for each bad one: UTF-8 with damage rather than something else
WEB_NAMES = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254"}  # WHATWG Encoding, §4.2
WRONG = re.compile(r"(?<=[a-zA-Z])[^\W\d_a-zA-ZÀ-ÖØ-öø-ÿŠšŽžŒœŸ]|(?<=[a-zA-Z])[‚„…†‡ˆ‰‹•˜›¡¢£¤¥¦§¨©¬®¯±²³µ¶¸¹¼½¾¿×÷](?=[a-z])")


def _known(name: str) -> str | None:
    """Python's name of an encoding of text; None for unknown ones and for those that are none (`base64`, `rot13`)."""
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    return info.name if info._is_text_encoding else None


DECODERS = frozenset(filter(None, map(_known, ENCODINGS)))  # loaded now: the sandbox closes the standard library later


def decode(data: bytes, declared: str | None = None) -> tuple[str, list[Notice]]:
    """The text of all bytes, and a notice when its encoding had to be guessed. `declared` is somebody's word for it."""
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace"), []
    if encoding := unmarked_encoding(data[:SAMPLE]):
        return data.decode(encoding, "replace"), []
    name = _declared(declared)
    seven_bits = name is not None and name.startswith(("iso2022", "utf-7", "hz"))  # these are ASCII by their bytes
    if seven_bits and (text := _strictly(data, name)) is not None:
        return text, []
    if (text := _strictly(data, "utf-8")) is not None:
        return text, []
    if name is not None and (text := _strictly(data, name)) is not None:
        return text, []
    return _guessed(data)


def _declared(declared: str | None) -> str | None:
    name = _known(declared.strip(" \t\"'")) if declared and len(declared) < 40 and declared.isascii() else None
    name = WEB_NAMES.get(name, name)
    return name if name in DECODERS and not name.startswith(("utf-16", "utf-32")) else None  # those show by their bytes


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeError, ValueError):
        return None


def _guessed(data: bytes) -> tuple[str, list[Notice]]:
    broken = data.decode("utf-8", "replace")
    slips = broken.count("\ufffd")
    if _marked(broken) - slips >= SLIPS * slips:
        return broken, [Notice("encoding_guessed", f"{slips} bytes of the text are no UTF-8 and could not be read.")]
    text = _strictly(data, "cp1252") or data.decode("latin-1")  # five bytes are undefined there
    marked = _marked(text)
    if marked <= ODD_SHARE * len(text) and sum(1 for _ in WRONG.finditer(text)) <= WRONG_SHARE * marked:
        return text, []
    best = from_bytes(_telling(data)).best() if len(text) >= LEAST_GUESS else None
    if best is None or best.encoding == "ascii" or _known(best.encoding) not in DECODERS:
        return text, [Notice("encoding_guessed", "The text's encoding is unknown; it was read as Windows-1252 and may be wrong.")]
    told = f"The text does not tell its encoding; it was read as {best.encoding} and may be wrong."
    return data.decode(best.encoding, "replace"), [Notice("encoding_guessed", told)]


def _marked(text: str) -> int:
    """How many characters are outside ASCII."""
    return len(text) - len(text.encode("ascii", "ignore"))


def _telling(data: bytes) -> bytes:
    """The lines that have more than ASCII, as many as the detector may look at."""
    lines, size = [], 0
    for line in data.splitlines(keepends=True):
        if not line.isascii():
            lines.append(line[: GUESS_SAMPLE - size])
            size += len(lines[-1])
            if size >= GUESS_SAMPLE:
                break
    return b"".join(lines)


def marked_encoding(data: bytes) -> bool:
    """True for bytes that begin with a byte order mark."""
    return any(data.startswith(mark) for mark, _ in BOMS)


def unmarked_encoding(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, by where the zero bytes of Latin letters stand, or EBCDIC; None for anything else."""
    sample = sample[: len(sample) // 4 * 4]
    if len(sample) < 4:
        return None
    zeros = [sample[place::4].count(0) * 4 / len(sample) for place in range(4)]
    empty, full = [share > 0.7 for share in zeros], [share < 0.1 for share in zeros]
    for encoding, wanted in (("utf-32-le", (1, 2, 3)), ("utf-32-be", (0, 1, 2)), ("utf-16-le", (1, 3)), ("utf-16-be", (0, 2))):
        if all(empty[place] if place in wanted else full[place] for place in range(4)):
            return encoding
    return "cp500" if _is_ebcdic(sample) else None


def _is_ebcdic(sample: bytes) -> bool:
    """Mainframe text: its blank is 0x40 where others have 0x20, and its letters lie above 0x80."""
    blanks = sample.count(0x40)
    if sample.count(0x20) or not 0.05 < blanks / len(sample) < 0.6:
        return False
    letters = sum(character.isalnum() and character.isascii() for character in sample.decode("cp500"))
    return letters > 0.6 * (len(sample) - blanks)
