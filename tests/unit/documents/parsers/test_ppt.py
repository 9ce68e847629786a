import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DamagedDocument, MyelinError, PasswordRequired
from tests.unit.documents.parsers.making import read
from tests.unit.documents.parsers.ole import compound, record

TOKEN, ENCRYPTED = 0xE391C05F, 0xF3D1C4DF


def box(text: str, anchor: tuple[int, int, int, int] | None = None, more: bytes = b"") -> bytes:
    """A shape with text; `anchor` is its left, top, right and bottom in a group."""
    atom = record(0x0FA0, text.encode("utf-16-le")) if not text.isascii() else record(0x0FA8, text.encode("latin-1"))
    place = record(0xF00F, struct.pack("<4i", *anchor)) if anchor else b""
    return record(0xF004, more + place + record(0xF00D, atom), version=15)


def outline(place: int) -> bytes:
    return record(0xF004, record(0xF00D, record(0x0F9E, struct.pack("<I", place))), version=15)


def drawing(*shapes: bytes) -> bytes:
    return record(0x040C, record(0xF002, record(0xF003, b"".join(shapes), version=15), version=15), version=15)


def slide(*shapes: bytes, notes: int = 0, hidden: bool = False, extra: bytes = b"") -> bytes:
    atom = record(0x03EF, struct.pack("<I8xIII", 0, 0, notes, 0))
    info = record(0x03F9, struct.pack("<iIHH", 0, 0, 0, 4 * hidden))
    return record(0x03EE, atom + info + drawing(*shapes) + extra, version=15)


def listed(persist: int, identity: int, *texts: str) -> bytes:
    atom = record(0x03F3, struct.pack("<IIiII", persist, 0, 0, identity, 0))
    return atom + b"".join(record(0x0F9F, bytes(4)) + record(0x0FA8, text.encode("latin-1")) for text in texts)


def show(slides: list[bytes], lists: bytes, notes: tuple[bytes, bytes] = (b"", b""), token: int = TOKEN) -> bytes:
    """A presentation: persist id 1 is the document, 2 … the slides, then a page of notes."""
    document = record(0x03E8, record(0x0FF0, lists, 0, 15) + record(0x0FF0, notes[1], 2, 15), version=15)
    objects, offsets, stream = [document, *slides, notes[0]], [], b""
    for one in objects:
        offsets.append(len(stream))
        stream += one
    directory = len(stream)
    stream += record(0x1772, struct.pack(f"<I{len(offsets)}I", len(offsets) << 20 | 1, *offsets))
    edit = len(stream)
    stream += record(0x0FF5, struct.pack("<IHBBIIIIHH", 0, 0, 0, 3, 0, directory, 1, 9, 0, 0))
    user = record(0x0FF6, struct.pack("<III", 20, token, edit) + bytes(12))
    return compound(**{"PowerPoint Document": stream, "Current User": user})


def saved(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


TABLE = [
    record(0xF004, record(0xF122, struct.pack("<HI", 0x039F, 1), instance=1), version=15),
    box("Item", (0, 0, 10, 5)), box("Valor", (10, 0, 20, 5)), box("Pão", (0, 5, 10, 15)), box("1,50", (10, 5, 20, 10)),
    box("2,00", (10, 10, 20, 15)),
]  # fmt: skip
COMMENT = record(0x2EE0, b"".join(
    record(0x0FBA, text.encode("utf-16-le"), number) for number, text in enumerate(("Ana", "check this", "A"))
), version=15)  # fmt: skip
NOTES = (record(0x03F0, record(0x03F1, bytes(8)) + drawing(box("say hello")), version=15), listed(4, 77))
WHOLE = show(
    [
        slide(outline(0), box("Ação em 2026\x0bsegunda linha\rterceira"), record(0xF003, b"".join(TABLE), version=15), notes=77, extra=COMMENT),
        slide(box("never shown"), hidden=True),
    ],
    listed(3, 257, "Second in the file, first in the show") + listed(2, 256, "Title", "Unused"),
    NOTES,
)  # fmt: skip


def test_slides_come_in_the_order_of_the_show_with_outline_tables_notes_and_comments(tmp_path: Path) -> None:
    pages, notices, total = read(saved(tmp_path / "a.ppt", WHOLE))
    assert [(page.label, page.text) for page in pages] == [
        ("Slide 1", "never shown"),
        ("Slide 2", "Title\nAção em 2026\nsegunda linha\nterceira\nItem | Valor\nPão | 1,50\nPão | 2,00\n"
                    "Notes:\nsay hello\nComments:\nAna: check this"),
    ]  # fmt: skip
    assert (total, [(notice.code, notice.page) for notice in notices]) == (2, [("hidden_slide", 1)])


def test_a_slide_that_is_missing_costs_a_notice_and_keeps_its_outline(tmp_path: Path) -> None:
    content = show([slide(box("here"))], listed(2, 256) + listed(99, 257, "only the outline"))
    pages, notices, _ = read(saved(tmp_path / "a.ppt", content))
    assert [page.text for page in pages] == ["here", "only the outline"]
    assert [notice.code for notice in notices] == ["part_damaged"]


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(PasswordRequired):
        read(saved(tmp_path / "a.ppt", show([], b"", token=ENCRYPTED)))


def test_a_file_without_a_document_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(DamagedDocument):
        read(saved(tmp_path / "a.ppt", compound(**{"PowerPoint Document": record(0x03EE, b"")})))


def test_groups_in_groups_have_a_depth(tmp_path: Path) -> None:
    shape = box("deep")
    for _ in range(2_000):
        shape = record(0xF003, shape, version=15)
    pages, _, _ = read(saved(tmp_path / "a.ppt", show([slide(box("shallow"), shape)], listed(2, 256))))
    assert pages[0].text == "shallow"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_broken_presentation_ends_as_text_or_a_typed_error(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(WHOLE)
    for place in data.draw(st.lists(st.integers(0, len(content) - 5), max_size=12)):
        content[place : place + 4] = data.draw(
            st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\1\0\0\0", b"\xff\xff\xff\x7f"])
        )
    cut = data.draw(st.one_of(st.none(), st.integers(8, len(content))))
    with contextlib.suppress(MyelinError):
        read(saved(tmp_path / "a.ppt", bytes(content[:cut])))
