import io
import stat
import zipfile
from pathlib import Path

import pytest

from core.errors import DamagedDocument, DocumentTooComplex
from documents.parsers import archives
from documents.parsers.archives import Archive, parse_xml


def packed(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_members_are_read(tmp_path: Path) -> None:
    with Archive(packed(tmp_path / "z", a=b"one", b=b"<x>two</x>")) as archive:
        assert (archive.read("a"), archive.xml("b").text, archive.names) == (b"one", "two", frozenset("ab"))
        with pytest.raises(DamagedDocument):
            archive.read("c")


def test_a_declared_bomb_is_refused_before_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "z", a=bytes(8 << 20))
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(DocumentTooComplex):
        Archive(path)


def test_the_declared_total_has_a_limit_at_any_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_TOTAL", 1_000)
    Archive(packed(tmp_path / "y", a=b"x" * 400, b=b"x" * 400)).__exit__()
    with pytest.raises(DocumentTooComplex):
        Archive(packed(tmp_path / "z", a=b"x" * 600, b=b"x" * 600))


def test_a_member_that_lies_about_its_size_is_cut_off_while_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBER", 100_000)
    path = packed(tmp_path / "z", a=bytes(200_000))
    with Archive(path) as archive, pytest.raises(DocumentTooComplex):
        archive.read("a")


def test_all_members_share_one_budget(tmp_path: Path) -> None:
    with Archive(packed(tmp_path / "z", a=bytes(1000), b=bytes(1000))) as archive:
        archive._left = 1500
        archive.read("a")
        with pytest.raises(DocumentTooComplex):
            archive.read("b")


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    with pytest.raises(DocumentTooComplex, match="4 parts"):
        Archive(packed(tmp_path / "z", a=b"", b=b"", c=b"", d=b""))


def test_overlapping_members(tmp_path: Path) -> None:
    content = bytearray(packed(tmp_path / "z", a=b"x" * 50, b=b"y" * 50).read_bytes())
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = bytes(4)  # its offset: that of the first member
    (tmp_path / "z").write_bytes(content)
    with pytest.raises(DocumentTooComplex, match="overlap"):
        Archive(tmp_path / "z")


def test_links(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        link = zipfile.ZipInfo("a")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DocumentTooComplex, match="links"):
        Archive(tmp_path / "z")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all"])
def test_what_is_no_zip_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "z").write_bytes(content)
    with pytest.raises(DamagedDocument):
        Archive(tmp_path / "z")


def test_a_flipped_bit_is_damage(tmp_path: Path) -> None:
    path = packed(tmp_path / "z", a=bytes(range(256)) * 40)
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)
    with Archive(path) as archive, pytest.raises(DamagedDocument):
        archive.read("a")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32", "cp037"])
def test_declarations_are_refused_in_every_encoding_that_libxml_knows(encoding: str) -> None:
    with pytest.raises(DocumentTooComplex):
        parse_xml('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode(encoding))


def test_depth_has_a_limit() -> None:
    with pytest.raises(DamagedDocument):
        parse_xml(b"<a>" * 5000 + b"</a>" * 5000)


def test_zip_in_a_zip_stays_packed(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(1 << 20))
    with Archive(packed(tmp_path / "z", inner=inner.getvalue())) as archive:
        assert len(archive.read("inner")) == len(inner.getvalue())
