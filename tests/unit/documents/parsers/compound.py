"""Compound files ([MS-CFB]) made in memory: as much of the format as readers need."""

import struct
from collections.abc import Mapping

Node = bytes | Mapping[str, "Node"]
SECTOR, SMALL_SECTOR, SMALL = 512, 64, 4096  # streams shorter than SMALL lie in the mini stream
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
STORAGE, STREAM, ROOT = 1, 2, 5


def compound(tree: Mapping[str, Node]) -> bytes:
    """A compound file with these streams (bytes) and storages (mappings)."""
    entries: list[list] = [["Root Entry", ROOT, FREE, FREE, END, 0]]  # name, type, sibling, child, first sector, size
    large, small = _Sectors(SECTOR), _Sectors(SMALL_SECTOR)

    def add(parent: int, nodes: Mapping[str, Node]) -> None:
        before = None
        for name, node in nodes.items():
            number = len(entries)
            entries.append([name, STREAM if isinstance(node, bytes) else STORAGE, FREE, FREE, END, 0])
            entries[parent if before is None else before][3 if before is None else 2] = number
            before = number
            if isinstance(node, bytes):
                entries[number][4:] = (small if len(node) < SMALL else large).add(node), len(node)
            else:
                add(number, node)

    add(0, tree)
    entries[0][4:] = large.add(bytes(small.data)), len(small.data)
    small_table = large.add(struct.pack(f"<{len(small.table)}I", *small.table))
    directory = large.add(b"".join(map(_entry, entries)))
    first = len(large.table)
    count = 1
    while (first + count) * 4 > count * SECTOR:
        count += 1
    table = [*large.table, *[FAT] * count]
    table += [FREE] * (count * SECTOR // 4 - len(table))
    header = struct.pack("<8s16xHHHHH6xIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 62, 3, 0xFFFE, 9, 6, 0, count, directory,
                         0, SMALL, small_table, -(-len(small.table) * 4 // SECTOR), END, 0)  # fmt: skip
    difat = struct.pack("<109I", *range(first, first + count), *[FREE] * (109 - count))
    return header + difat + large.data + struct.pack(f"<{len(table)}I", *table)


class _Sectors:
    """Chains of sectors: their bytes and their table."""

    def __init__(self, size: int):
        self.size, self.data, self.table = size, bytearray(), []

    def add(self, stream: bytes) -> int:
        """The number of the first sector of the stream."""
        if not stream:
            return END
        first = len(self.table)
        self.data += stream + b"\0" * (-len(stream) % self.size)
        self.table += [*range(first + 1, len(self.data) // self.size), END]
        return first


def _entry(entry: list) -> bytes:
    name, kind, sibling, child, sector, size = entry
    raw = name.encode("utf-16-le") + b"\0\0"
    return struct.pack("<64sHBBIII16xI16xII4x", raw, len(raw), kind, 1, FREE, sibling, child, 0, sector, size)
