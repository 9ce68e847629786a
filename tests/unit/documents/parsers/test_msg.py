import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.errors import MyelinError
from documents.parsers.outlook import DICTIONARY, decompressed
from documents.parsers.registry import choose
from tests.unit.documents.parsers.compound import Node, compound
from tests.unit.documents.parsers.making import SENTENCES, everything, written

HEADERS = {"message": 32, "embedded": 24, "recipient": 8, "attachment": 8}


def properties(kind: str, numbers: Mapping[int, int] = {}, texts: Mapping[int, str | bytes] = {}) -> dict[str, Node]:
    """The streams of a message, a recipient or an attachment: 4-byte numbers, texts in UTF-16 and binary values."""
    fixed = b"".join(
        struct.pack("<HHIQ", 0x0040 if number in (0x0039,) else 3, number, 6, value) for number, value in numbers.items()
    )
    streams: dict[str, Node] = {"__properties_version1.0": b"\0" * HEADERS[kind] + fixed}
    for number, value in texts.items():
        code, data = ("001F", value.encode("utf-16-le")) if isinstance(value, str) else ("0102", value)
        streams[f"__substg1.0_{number:04X}{code}"] = data
    return streams


def message(**more: Node) -> dict[str, Node]:
    ticks = int((datetime(2026, 3, 5, 12, tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000
    texts = {0x0037: "Nota de março", 0x0C1A: "Ana", 0x5D01: "ana@example.com", 0x1000: "\r\n".join(SENTENCES)}
    recipients = {
        "__recip_version1.0_#00000000": properties("recipient", {0x0C15: 1}, {0x3001: "Bia", 0x39FE: "bia@example.com"}),
        "__recip_version1.0_#00000001": properties("recipient", {0x0C15: 2}, {0x3001: "caio@example.com"}),
    }
    return properties("message", {0x0039: ticks}, texts) | recipients | more


def test_everything_of_a_message_is_read(tmp_path: Path) -> None:
    pdf = written(tmp_path / "a.pdf").read_bytes()
    inner = properties("embedded", {}, {0x0037: "Dentro", 0x1000: "Mensagem encaminhada"})
    attachments = {
        "__attach_version1.0_#00000000": properties("attachment", {0x3705: 1}, {0x3707: "nota.pdf", 0x3701: pdf}),
        "__attach_version1.0_#00000001": properties("attachment", {0x3705: 5}, {0x3001: "Dentro"})
        | {"__substg1.0_3701000D": inner},
    }
    (tmp_path / "a.msg").write_bytes(compound(message(**attachments)))
    pages, notices, totals = everything(tmp_path / "a.msg")
    assert pages[0].text.startswith(
        "From: Ana <ana@example.com>\nTo: Bia <bia@example.com>\nCc: caio@example.com\n"
        "Date: Thu, 05 Mar 2026 12:00:00 +0000\nSubject: Nota de março\nAttachments: nota.pdf, Dentro.eml\n"
    )
    assert all(sentence in pages[0].text for sentence in SENTENCES)
    assert [page.label for page in pages] == [None, "nota.pdf", "Dentro.eml"]
    assert "Valor total da nota: 1.234,56" in pages[1].text and "Mensagem encaminhada" in pages[2].text
    assert (notices, totals) == ([], [1, 2, 3])


def test_texts_of_a_code_page_and_html_alone(tmp_path: Path) -> None:
    streams = properties("message", {0x3FFD: 1251, 0x3FDE: 1251}, {0x1013: "<p>Счёт <b>4711</b></p>".encode("cp1251")})
    streams["__substg1.0_0037001E"] = "Привет".encode("cp1251")
    (tmp_path / "a.msg").write_bytes(compound(streams))
    assert everything(tmp_path / "a.msg")[0][0].text == "Subject: Привет\n\nСчёт 4711"


def test_compressed_rtf_is_unpacked() -> None:
    """The example of [MS-OXRTFCP] 4.1.1."""
    packed = bytes.fromhex("2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0")
    assert decompressed(packed) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


def test_uncompressed_rtf_and_runs_that_read_what_they_write() -> None:
    assert decompressed(struct.pack("<IIII", 17, 5, 0x414C454D, 0) + b"{\\rtf") == b"{\\rtf"
    start = len(DICTIONARY)
    run = bytes([0b0000_0010]) + b"x" + (start << 4 | 8).to_bytes(2, "big")
    assert decompressed(struct.pack("<IIII", len(run) + 12, 11, 0x75465A4C, 0) + run) == b"x" * 11


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=some.integers(0, 12_000), place=some.integers(0, 12_000), byte=some.integers(0, 255))
def test_damaged_messages_are_read_or_refused(tmp_path: Path, cut: int, place: int, byte: int) -> None:
    data = bytearray(compound(message()))
    data[place % len(data)] = byte
    (tmp_path / "a.msg").write_bytes(data[: max(1, len(data) - cut)])
    try:
        everything(tmp_path / "a.msg")
    except MyelinError as error:
        assert error.detail


def test_a_compound_file_of_another_kind_is_no_message(tmp_path: Path) -> None:
    (tmp_path / "a.msg").write_bytes(compound({"Anything": b"x" * 600}))
    with pytest.raises(MyelinError):
        choose(tmp_path / "a.msg", "a.msg")
