"""Compound files made by hand (MS-CFB): sectors of 512 bytes, every stream in them, no mini stream."""

import struct

FREE, END, FAT_SECTOR = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
SECTOR = 512
SMALLEST = 4096  # streams below lie in the mini stream; ours are filled up with zeros to this size


def compound(**streams: bytes) -> bytes:
    """A compound file with these streams at its root; `_` in a key stands for a blank."""
    entries, fat, body = [], [], b""
    for name, content in streams.items():
        content = content.ljust(SMALLEST, b"\0")
        first, sectors = len(fat), -(-len(content) // SECTOR)
        fat += [*range(first + 1, first + sectors), END]
        body += content.ljust(sectors * SECTOR, b"\0")
        entries.append((name.replace("_", " "), 2, first, len(content)))
    directory_first = len(fat)
    records = [
        _entry("Root Entry", 5, END, 0, child=1),
        *(_entry(*one, right=_next(i, entries)) for i, one in enumerate(entries)),
    ]
    directory = b"".join(records).ljust(-(-len(records) // 4) * SECTOR, b"\0")
    sectors = len(directory) // SECTOR
    fat += [*range(directory_first + 1, directory_first + sectors), END]
    tables = 1
    while (len(fat) + tables) * 4 > tables * SECTOR:
        tables += 1
    fat_first = len(fat)
    fat += [FAT_SECTOR] * tables
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(tables * SECTOR, b"\xff")
    difat = struct.pack("<109I", *(list(range(fat_first, fat_first + tables)) + [FREE] * (109 - tables)))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, tables, directory_first, 0, SMALLEST, END, 0, END, 0) + difat
    return header + body + directory + table


def record(kind: int, content: bytes, instance: int = 0, version: int = 0) -> bytes:
    """A record of PowerPoint and of drawings; version 15 is a container."""
    return struct.pack("<HHI", instance << 4 | version, kind, len(content)) + content


def biff(kind: int, content: bytes = b"") -> bytes:
    """A record of a binary workbook."""
    return struct.pack("<HH", kind, len(content)) + content


def _entry(name: str, kind: int, first: int, size: int, child: int = FREE, right: int = FREE) -> bytes:
    raw = name.encode("utf-16-le")
    head = raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw) + 2, kind, 1, FREE, right, child)
    return head + bytes(36) + struct.pack("<IQ", first, size)


def _next(place: int, entries: list) -> int:
    return place + 2 if place + 1 < len(entries) else FREE
