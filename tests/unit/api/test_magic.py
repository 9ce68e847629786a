import io
import re
import sqlite3
import struct
import wave
import zipfile

import pytest

from api import magic
from api.magic import refuse_what_is_no_document
from core.errors import UnsupportedType


def sound() -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\0" * 100)
    return written.getvalue()


def database(tmp_path) -> bytes:
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path)
    connection.execute("create table a (b)")
    connection.close()
    return path.read_bytes()


def media(brand: bytes) -> bytes:
    return struct.pack(">I4s4sI", 24, b"ftyp", brand, 512) + b"isommp41"


@pytest.mark.parametrize(
    ("head", "what", "cure"),
    [
        (b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00", "Windows program", "Send a document"),
        (b"\x7fELF\x02\x01\x01" + b"\0" * 9, "Linux program", "Send a document"),
        (b"\xcf\xfa\xed\xfe\x07\x00\x00\x01", "macOS program", "Send a document"),
        (b"#!/bin/sh\nrm", "script", "Send a document"),
        (b"Rar!\x1a\x07\x01\x00", "RAR archive", "Unpack it"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "7-Zip archive", "Unpack it"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "gzip archive", "Unpack it"),
        (b"PK\x05\x06" + b"\0" * 18, "empty ZIP archive", "Unpack it"),
        (media(b"isom"), "video", "neither sounds nor videos"),
        (media(b"qt  "), "video", "neither sounds nor videos"),
        (media(b"M4A "), "sound", "neither sounds nor videos"),
        (sound(), "sound", "neither sounds nor videos"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x23TSSE", "sound", "neither sounds nor videos"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01", "video", "neither sounds nor videos"),
    ],
)
def test_what_is_never_a_document_is_refused_with_its_name_and_a_cure(head, what, cure):
    with pytest.raises(UnsupportedType) as raised:
        refuse_what_is_no_document(head)
    assert what in raised.value.detail and raised.value.field == "file" and cure in raised.value.hint


def test_a_database_is_refused(tmp_path):
    with pytest.raises(UnsupportedType, match="SQLite") as raised:
        refuse_what_is_no_document(database(tmp_path))
    assert "CSV" in raised.value.hint


def archive() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        file.writestr("a.txt", "x")
    return written.getvalue()


@pytest.mark.parametrize(
    "head",
    [
        b"%PDF-1.7\n", b"\r\n\r\n%PDF-1.4", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff\xe0\x00\x10JFIF", b"GIF89a\x01\x00",
        b"BM\x36\x00\x0c\x00\x00\x00", b"II*\x00\x08\x00\x00\x00", b"MM\x00*\x00\x00\x00\x08", b"RIFF\x24\x00\x00\x00WEBPVP8 ",
        media(b"heic"), media(b"mif1"), media(b"heix"), media(b"avif"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", archive(), b"{\\rtf1\\ansi",
        b"<?xml version", b"<!DOCTYPE html>", b"From: a@b.c\nTo:", b"From - Mon Jan 1", b"\x00\x00\x00\x00", b"",
        # texts that begin like something else
        b"MZ;valor;data;hora", b"Rar! disse ele", b"ID3 = tres", b"OggS e outros", b"BZh9 e texto", b"RIFF um relatorio", b"7z e um programa",
        b"# titulo\n! aviso", "MZ;preço".encode("utf-16"), "#!x".encode("utf-16"),
    ],
)  # fmt: skip
def test_whatever_may_be_a_document_passes(head):
    refuse_what_is_no_document(head)


def test_only_the_first_sixteen_bytes_are_looked_at(monkeypatch):
    monkeypatch.setattr(magic, "_NEVER", ((re.compile(rb".{16}x", re.DOTALL), "a thing", "Look."),))
    refuse_what_is_no_document(b"a" * 16 + b"x")
    monkeypatch.setattr(magic, "_NEVER", ((re.compile(rb".{15}x", re.DOTALL), "a thing", "Look."),))
    with pytest.raises(UnsupportedType, match="a thing"):
        refuse_what_is_no_document(b"a" * 15 + b"x")
