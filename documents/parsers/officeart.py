"""The store of pictures in the drawings of binary Office files (MS-ODRAW)."""

import struct

BLIPS, DRAWING_GROUP = 0xF001, 0xF000  # OfficeArtBStoreContainer, OfficeArtDggContainer (2.2.20, 2.2.12)


def pictures_kept(drawings: bytes) -> int:
    """How many pictures a drawing group container has; 0 for anything else."""
    if len(drawings) < 16 or struct.unpack_from("<H", drawings, 2)[0] != DRAWING_GROUP:
        return 0
    place = 8
    while place + 8 <= len(drawings):
        head, kind, length = struct.unpack_from("<HHI", drawings, place)
        if kind == BLIPS:
            return head >> 4
        place += 8 + length
    return 0
