from pathlib import Path

from documents.parsers import pdflayers
from documents.parsers.pdflayers import has_layers
from tests.unit.documents.parsers.making import written
from tests.unit.documents.parsers.pdfmaking import assembled, packed


def test_layers_are_seen_in_the_open_and_in_an_object_stream(tmp_path: Path) -> None:
    catalogue = b"<</Type/Catalog/OCProperties<</D<<>>>>>>"
    assert has_layers(assembled(tmp_path / "open.pdf", catalogue))
    assert has_layers(assembled(tmp_path / "packed.pdf", packed((9, b"<</Type/Font>>")), packed((1, catalogue))))


def test_a_plain_file_has_none(tmp_path: Path) -> None:
    assert not has_layers(written(tmp_path / "a.pdf"))
    assert not has_layers(assembled(tmp_path / "b.pdf", packed((1, b"<</Type/Catalog>>"))))
    (tmp_path / "empty.pdf").write_bytes(b"")
    assert not has_layers(tmp_path / "empty.pdf")


def test_what_cannot_be_looked_into_may_have_some(tmp_path: Path, monkeypatch) -> None:
    assert has_layers(assembled(tmp_path / "a.pdf", b"<</Type/Catalog>>", trailer=b"/Encrypt 9 0 R"))
    monkeypatch.setattr(pdflayers, "MAX_STREAMS", 1)
    assert has_layers(assembled(tmp_path / "b.pdf", packed((1, b"<<>>")), packed((2, b"<<>>"))))


def test_a_bomb_in_an_object_stream_is_not_unpacked(tmp_path: Path) -> None:
    bomb = packed((1, b" " * (pdflayers.MAX_SIZE + 1) + b"/OCProperties"))
    assert not has_layers(assembled(tmp_path / "a.pdf", bomb))
