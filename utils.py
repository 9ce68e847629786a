"""Pure helpers of the standard library alone, for rooms that do not see each other."""

from random import getrandbits


def mended(text: str) -> str:
    r"""Text that UTF-8 can carry: JSON may hold half of a character in an escape (RFC 8259 §8.2), and Python's parser takes it.

    Halves that stand together are joined, a half alone is replaced by U+FFFD.

    >>> mended("\ud83d\ude00"), mended("a\ud83d")
    ('😀', 'a�')
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def token() -> str:
    """A name that nothing else has: 96 random bits as hex, made without a call of the kernel. It is no secret."""
    return f"{getrandbits(96):024x}"
