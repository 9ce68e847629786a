import struct
from pathlib import Path

import pytest

from core.errors import DamagedDocument
from documents.parsers.compound import Compound, names
from tests.unit.documents.parsers.ole import SECTOR, compound


def saved(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_streams_are_listed_and_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "a", compound(Workbook=b"x" * 5000, Current_User=b"u"))
    assert names(path) == {"Workbook", "Current User"}
    with Compound(path) as file:
        assert (file.read("Workbook"), file.holds("Current User"), file.holds("Other")) == (b"x" * 5000, True, False)
        with pytest.raises(DamagedDocument):
            file.read("Other")


@pytest.mark.parametrize("place", [40, 44, 64, 72])
def test_tables_longer_than_the_file_are_refused(tmp_path: Path, place: int) -> None:
    content = bytearray(compound(Workbook=b"x"))
    content[place : place + 4] = b"\xff\xff\xff\x00"
    path = saved(tmp_path / "a", bytes(content))
    with pytest.raises(DamagedDocument):
        Compound(path)
    assert names(path) == frozenset()


def test_a_stream_that_runs_in_a_circle_and_says_it_is_huge_is_refused(tmp_path: Path) -> None:
    content = bytearray(compound(Workbook=b"x" * 5000))
    fat = content.rindex(struct.pack("<4I", 1, 2, 3, 4))
    content[fat : fat + 4] = struct.pack("<I", 0)
    entry = content.index("Workbook".encode("utf-16-le"))
    content[entry + 120 : entry + 124] = b"\xff\xff\xff\x7f"
    with Compound(saved(tmp_path / "a", bytes(content))) as file, pytest.raises(DamagedDocument):
        file.read("Workbook")


def test_a_huge_mini_stream_is_refused(tmp_path: Path) -> None:
    content = bytearray(compound(Workbook=b"x"))
    root = content.index("Root Entry".encode("utf-16-le"))
    content[root + 120 : root + 124] = b"\xff\xff\xff\x7f"
    with pytest.raises(DamagedDocument):
        Compound(saved(tmp_path / "a", bytes(content)))


@pytest.mark.parametrize("length", [0, 8, 76, SECTOR, 3 * SECTOR])
def test_what_is_cut_off_is_damaged(tmp_path: Path, length: int) -> None:
    with pytest.raises(DamagedDocument):
        Compound(saved(tmp_path / "a", compound(Workbook=b"x")[:length]))
