from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.errors import DamagedDocument, DocumentTooComplex, MyelinError
from documents.parsers.registry import choose
from tests.unit.documents.parsers.making import read

SOURCE = """<p:pedido xmlns:p="urn:x" numero="4711"><!-- x --><cliente tipo="F">Ana</cliente><total>1.234,50</total>
<itens><item><sku>a</sku><preco>1.10</preco></item><item><sku>b</sku><preco>2</preco></item></itens>
<obs>texto <b>com</b> ênfase</obs><vazio/><tag>x</tag><tag>y</tag></p:pedido>"""
LINES = [
    "numero: 4711", "cliente.tipo: F", "cliente: Ana", "total: 1.234,50", "itens.item:", "sku | preco", "a | 1.10", "b | 2",
    "obs: texto com ênfase", "vazio: ", "tag: x, y",
]  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("", "utf-8"),
        ("utf-8", "utf-8"),
        ("utf-8", "latin-1"),
        ("iso-8859-1", "latin-1"),
        ("utf-16", "utf-16"),
        ("no-such", "utf-8"),
    ],
)
def test_elements_are_lines_in_their_order(tmp_path: Path, declared: str, encoding: str) -> None:
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    (tmp_path / "a").write_bytes((declaration + SOURCE).encode(encoding))
    pages, notices, _ = read(tmp_path / "a")
    assert pages[0].text.split("\n") == LINES and notices == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16"])
def test_entities_are_refused(tmp_path: Path, encoding: str) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
    (tmp_path / "a.xml").write_bytes(bomb.encode(encoding))
    with pytest.raises(DocumentTooComplex):
        read(tmp_path / "a.xml")


def test_depth_and_attributes_have_limits(tmp_path: Path) -> None:
    for content, error in (
        ("<a>" * 10_000 + "</a>" * 10_000, DamagedDocument),
        ("<a " + " ".join(f"x{number}='1'" for number in range(2_000)) + "/>", DocumentTooComplex),
    ):
        (tmp_path / "a.xml").write_text(content)
        with pytest.raises(error):
            read(tmp_path / "a.xml")


def test_only_xml_is_xml(tmp_path: Path) -> None:
    for content, name, reader in ((b"<p:a xmlns:p='x'/>", "a", "XML"), (b"<a>1</a>", "a.xml", "XML"), (b"<a>1</a>", "a.txt", "TXT"),
                                  (b"<joao@example.com> wrote", "a.txt", "TXT")):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert choose(tmp_path / name, name).title == reader


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=some.integers(0, 400), place=some.integers(0, 400), byte=some.integers(0, 255))
def test_damaged_files_are_read_or_refused(tmp_path: Path, cut: int, place: int, byte: int) -> None:
    data = bytearray(SOURCE.encode())
    data[place % len(data)] = byte
    (tmp_path / "a.xml").write_bytes(data[: max(1, len(data) - cut)])
    try:
        read(tmp_path / "a.xml")
    except MyelinError as error:
        assert error.detail
