"""Word documents made by hand (MS-DOC): one to many pieces, properties on formatted disk pages."""

import struct

from tests.unit.documents.parsers.ole import compound

PAGE = 512
STORIES = {"body": 3, "footnotes": 4, "margins": 5, "comments": 7, "endnotes": 8, "boxes": 9}
PARTS = {  # number of the pair of the file information block
    "footnote_places": 2, "footnote_texts": 3, "comment_places": 4, "comment_texts": 5, "margins": 11, "owners": 36,
}  # fmt: skip
DELETED, HIDDEN, ROW_END, IN_TABLE = (struct.pack("<HB", sprm, 1) for sprm in (0x0800, 0x083C, 0x2417, 0x2416))


def word(
    stories: dict[str, str],
    *,
    wide: bool = True,
    pieces: int = 1,
    characters: list[tuple[int, int, bytes]] = (),
    paragraphs: list[tuple[int, int, bytes]] = (),
    flags: int = 0x0200,
    **parts: bytes,
) -> bytes:
    """A document of these texts, cut into pieces that lie in the stream in reverse order.

    `characters` and `paragraphs` are (first, last, sprms) in positions of the text; they ask for one wide piece.
    """
    text = "".join(stories.get(name, "") for name in STORIES)
    start = 2048
    bounds = [round(len(text) * number / pieces) for number in range(pieces + 1)]
    raw, offsets = b"", {}
    for number in reversed(range(pieces)):
        offsets[number] = start + len(raw)
        part = text[bounds[number] : bounds[number + 1]]
        raw += part.encode("utf-16-le") if wide else part.encode("cp1252")
    descriptors = b"".join(
        struct.pack("<HIH", 0, offsets[number] if wide else offsets[number] * 2 | 1 << 30, 0) for number in range(pieces)
    )
    plc = struct.pack(f"<{pieces + 1}I", *bounds) + descriptors
    table = {33: b"\x02" + struct.pack("<I", len(plc)) + plc, **{PARTS[name]: content for name, content in parts.items()}}
    body = (bytes(start) + raw).ljust(-(-(start + len(raw)) // PAGE) * PAGE, b"\0")
    for number, runs, step in ((12, characters, 1), (13, paragraphs, 13)):
        if runs:
            table[number] = struct.pack("<III", start, start + len(raw), len(body) // PAGE)
            body += _page([(start + 2 * first, start + 2 * last, sprms) for first, last, sprms in runs], step)
    return compound(WordDocument=_information(stories, table, flags) + body[898:], **{"1Table": b"".join(table.values())})


def _information(stories: dict[str, str], table: dict[int, bytes], flags: int) -> bytes:
    numbers = [0] * 22
    for name, place in STORIES.items():
        numbers[place] = len(stories.get(name, ""))
    pairs, offset = [(0, 0)] * 93, 0
    for number, content in table.items():
        pairs[number] = (offset, len(content))
        offset += len(content)
    base = struct.pack("<HHHHHH", 0xA5EC, 193, 0, 0, 0, flags).ljust(32, b"\0")
    head = base + struct.pack("<H28x", 14) + struct.pack("<H22I", 22, *numbers) + struct.pack("<H", 93)
    return head + b"".join(struct.pack("<II", *pair) for pair in pairs)


def _page(runs: list[tuple[int, int, bytes]], step: int) -> bytes:
    """A formatted disk page: bounds, where each run's properties lie, and at the end how many runs there are."""
    bounds, contents = [runs[0][0]], []
    for first, last, sprms in runs:
        if first > bounds[-1]:
            contents.append(b"")
            bounds.append(first)
        contents.append(sprms)
        bounds.append(last)
    page = bytearray(PAGE)
    struct.pack_into(f"<{len(bounds)}I", page, 0, *bounds)
    place = PAGE - 2
    for number, sprms in enumerate(contents):
        if not sprms:
            continue
        data = bytes((len(sprms),)) + sprms
        if step == 13:
            papx = b"\0\0" + sprms  # the number of a style
            papx += b"\0" * (len(papx) % 2 == 0)
            data = bytes(((len(papx) + 1) // 2,)) + papx
        place = (place - len(data)) // 2 * 2
        page[place : place + len(data)] = data
        page[4 * len(bounds) + step * number] = place // 2
    page[-1] = len(contents)
    return bytes(page)
