import base64
import quopri
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.errors import DocumentTooComplex, MyelinError
from documents.parsers.registry import choose
from documents.parsers.subdocuments import MAX_ATTACHMENTS
from tests.unit.documents.parsers.making import SENTENCES, everything, picture, png, written

HEADERS = b"From: ana@example.com\r\nTo: bia@example.com\r\nSubject: s\r\nMIME-Version: 1.0\r\n"


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def read(content: bytes | EmailMessage, name: str = "a.eml"):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.as_bytes())
        return everything(tmp_path / name)

    return read


def message(text: str = "\n".join(SENTENCES), html: str | None = None) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Cc"] = "João Pão <joao@example.com>", "bia@example.com", "caio@example.com"
    made["Date"], made["Subject"] = "Thu, 05 Mar 2026 12:00:00 -0300", "Nota de março nº 4711"
    made.set_content(text)
    if html is not None:
        made.add_alternative(html, subtype="html")
    return made


def test_headers_come_first_and_every_sentence_is_found(mail) -> None:
    pages, notices, _ = mail(message())
    assert pages[0].text.split("\n")[:6] == [
        "From: João Pão <joao@example.com>", "To: bia@example.com", "Cc: caio@example.com",
        "Date: Thu, 05 Mar 2026 12:00:00 -0300", "Subject: Nota de março nº 4711", "",
    ]  # fmt: skip
    assert all(sentence in pages[0].text for sentence in SENTENCES) and notices == []


@pytest.mark.parametrize(
    ("encoded", "meant"),
    [("=?iso-8859-1?Q?S=E3o_Jo=E3o?=", "São João"), ("=?utf-8?B?U8OjbyBKb8Ojbw==?=", "São João"), ("São João", "São João"),
     ("=?utf-8?Q?a?=\r\n =?utf-8?Q?b?=", "ab"), ("=?no-such?Q?S=E3o?=", "São"), ("a\r\n b", "a b")],
)  # fmt: skip
def test_encoded_headers(mail, encoded: str, meant: str) -> None:
    text = mail(HEADERS.replace(b"Subject: s", b"Subject: " + encoded.encode()) + b"\r\nx")[0][0].text
    assert f"Subject: {meant}" in text.split("\n")


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("utf-8", "utf-8"), ("iso-8859-1", "latin-1"), ("us-ascii", "utf-8"), ("utf-8", "latin-1"), ("windows-1252", "cp1252"),
     ("x-unknown", "utf-8"), ("base64", "utf-8"), ("iso-8859-1", "utf-8"), ("x" * 5000, "utf-8")],
)  # fmt: skip
@pytest.mark.parametrize("transfer", ["8bit", "quoted-printable", "base64"])
def test_charsets_true_and_lying(mail, charset: str, encoding: str, transfer: str) -> None:

    body = "Preço: ação, é São João".encode(encoding)
    coded = {"8bit": bytes, "quoted-printable": quopri.encodestring, "base64": base64.encodebytes}[transfer](body)
    head = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n".encode()
    assert "Preço: ação, é São João" in mail(HEADERS + head + coded)[0][0].text


def test_of_alternatives_the_one_that_says_more_is_shown(mail) -> None:
    table = "<table><tr><td>Item<td>Valor<tr><td>Pão<td>1,50</table>"
    assert "plain words" in mail(message("plain words here", "<p>plain <b>words</b> here"))[0][0].text
    assert "Item | Valor" in mail(message("Item Valor Pão 1,50", table))[0][0].text
    assert "the real text" in mail(message("see HTML", "<p>the real text of the message stands in the HTML only"))[0][0].text


def test_attachments_are_documents_of_their_own(mail, tmp_path: Path) -> None:
    outer, inner = message(), message("Dentro da mensagem")
    inner.replace_header("Subject", "Encaminhada")
    inner.add_attachment(b"a;b\n1;2", maintype="text", subtype="csv", filename="dados.csv")
    outer.add_attachment(
        written(tmp_path / "x.pdf").read_bytes(), maintype="application", subtype="octet-stream", filename="nota.pdf"
    )
    outer.add_attachment(inner)
    outer.add_attachment(b"MZ\x90\0", maintype="application", subtype="pdf", filename="fatura.pdf")
    pages, notices, totals = mail(outer)
    assert [page.label for page in pages] == [None, "nota.pdf", "Encaminhada.eml", "Encaminhada.eml › dados.csv"]
    assert "Attachments: nota.pdf, Encaminhada.eml, fatura.pdf" in pages[0].text.split("\n")
    assert "Valor total da nota: 1.234,56" in pages[1].text and "Dentro da mensagem" in pages[2].text and "1 | 2" in pages[3].text
    assert [notice.code for notice in notices] == ["attachment_unread"] and notices[0].message.startswith("fatura.pdf: ")
    assert totals == sorted(totals) and totals[-1] == 4


def test_attachments_of_the_alternative_that_is_not_shown_count(mail) -> None:
    apple = message("plain words", "<p>plain words")
    apple.get_payload()[1].add_attachment(b"Texto do anexo", maintype="text", subtype="plain", filename="anexo.txt")
    assert [page.text for page in mail(apple)[0]][1:] == ["Texto do anexo"]


def test_small_pictures_in_the_text_are_told_and_large_ones_read(mail) -> None:
    made = message("text", "<p>text<img src=cid:a>")
    for size in ((1100, 520), (40, 40)):
        made.get_payload()[1].add_related(png(picture(size=size)), maintype="image", subtype="png", cid="<a>")
    pages, notices, _ = mail(made)
    assert len(pages) == 2 and "4711" in pages[1].text and [notice.code for notice in notices] == ["pictures_unread"]


def test_soft_line_breaks_are_undone(mail) -> None:
    body = b"Content-Type: text/plain; format=flowed\r\n\r\nValor total \r\nda nota: \r\n10\r\n-- \r\nAna\r\n> a \r\n> b"
    assert mail(HEADERS + body)[0][0].text.split("\n\n")[1].split("\n") == [
        "Valor total da nota: 10",
        "-- ",
        "Ana",
        "> a ",
        "> b",
    ]


def test_a_mailbox_is_all_of_its_messages(mail) -> None:
    box = b"".join(b"From ana@example.com Thu Mar  5 12:00:00 2026\n" + HEADERS + b"\n\nbody %d\n\n" % n for n in range(3))
    pages, _, _ = mail(box, "a.mbox")
    assert [page.text.rstrip().endswith(f"body {n}") for n, page in enumerate(pages)] == [True] * 3


def test_encrypted_parts_are_told(mail) -> None:
    for kind in (b"multipart/encrypted; boundary=b", b"application/pkcs7-mime; smime-type=enveloped-data"):
        assert [notice.code for notice in mail(HEADERS + b"Content-Type: " + kind + b"\r\n\r\n--b\r\n\r\nx")[1]] == [
            "part_encrypted"
        ]


def test_base64_that_is_cut_or_wraps_a_message_is_still_read(mail) -> None:

    part = b"--b\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=%s\r\n\r\n%s\r\n"
    inner = base64.encodebytes(HEADERS + b"\r\nthe inner text")
    body = part % (b"text/plain", b"a.txt", b"VGV4dG8gZG8gYW5leG8gYQ=") + part % (b"message/rfc822", b"b.eml", inner)
    pages, _, _ = mail(HEADERS + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body + b"--b--")
    assert [page.text.rstrip().split("\n")[-1] for page in pages[1:]] == ["Texto do anexo a", "the inner text"]


def test_messages_are_known_by_their_fields(tmp_path: Path) -> None:
    for name, content, reader in (
        ("upload", HEADERS + b"\r\nx", "E-mail (EML)"), ("a.txt", b"Return-Path: <a>\nReceived: b\n\tc\nDate: d\n\nx", "E-mail (EML)"),
        ("a.eml", b"Subject: only\n\nx", "E-mail (EML)"), ("a.txt", b"Date: 1\nSubject: minutes\nfree text\n", "TXT"),
        ("a.txt", b"To: Ana\nabout: x\n\nDear Ana", "TXT"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert choose(tmp_path / name, name).title == reader


def nested(levels: int) -> bytes:
    parts = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels))
    return HEADERS + parts + b"\r\nthe innermost text"


def test_nesting_without_end_is_refused(mail) -> None:
    assert "the innermost text" in mail(nested(50))[0][0].text
    for content in (nested(10_000), (HEADERS + b"Content-Type: message/rfc822\r\n\r\n") * 10_000):
        with pytest.raises(DocumentTooComplex):
            mail(content)


def test_fifty_thousand_attachments_and_messages_in_messages(mail) -> None:
    part = b"--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nx\r\n"
    pages, notices, _ = mail(HEADERS + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 5_000 + b"--b--")
    assert len(pages) == 1 + MAX_ATTACHMENTS and "4950 attachments were not read" in notices[0].message
    pages, notices, _ = mail((HEADERS + b"Content-Type: message/rfc822\r\n\r\n") * 8 + HEADERS + b"\r\nx")
    assert len(pages) == 4 and [notice.code for notice in notices] == ["attachment_unread"]


def test_headers_are_read_to_a_length(mail) -> None:
    """The email package takes time quadratic in the parameters of a header."""
    pages, _, _ = mail(HEADERS.replace(b"Subject: s", b"Subject: " + b"word " * 100_000) + b"\r\nx")
    assert 15_000 < sum(len(page.text) for page in pages) < 25_000
    assert mail(HEADERS + b"Content-Type: text/plain; " + b"a*0*=x; " * 100_000 + b"\r\n\r\nthe text")[0][0].text.endswith(
        "the text"
    )


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=some.integers(0, 3_000), place=some.integers(0, 3_000), byte=some.integers(0, 255))
def test_damaged_messages_are_read_or_refused(mail, cut: int, place: int, byte: int) -> None:
    made = message(html="<p>" + "<p>".join(SENTENCES))
    made.add_attachment(message())
    made.add_attachment(b"a;b", maintype="text", subtype="csv", filename="é.csv")
    data = bytearray(made.as_bytes())
    data[place % len(data)] = byte
    try:
        mail(bytes(data[: max(1, len(data) - cut)]))
    except MyelinError as error:
        assert error.detail
