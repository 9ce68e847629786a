"""The code pages of Windows and its Office programs, loaded at import: the sandbox closes the standard library later."""

import codecs

NAMES = (
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp437", "cp737", "cp775",
    "cp850", "cp852", "cp866", "cp874", "cp932", "cp936", "cp949", "cp950", "johab", "mac_roman", "utf-8",
    "utf-16-le", "latin-1",
)  # fmt: skip
DECODERS = {name: codecs.lookup(name) for name in NAMES}
NUMBERS = {10000: "mac_roman", 32768: "mac_roman", 32769: "cp1252", 1361: "johab", 65001: "utf-8"}


def decoder(number: int) -> codecs.CodecInfo:
    """The code page of a number, Windows-1252 for one that is not known."""
    return DECODERS.get(NUMBERS.get(number, f"cp{number}"), DECODERS["cp1252"])
