"""MSG: messages that Outlook saved, read as the mail messages that they are."""

import email.utils
from collections.abc import Iterator
from email import encoders
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from pathlib import Path

from olefile import OleFileIO

from core.errors import DamagedDocument, DocumentError, DocumentTooComplex
from documents.parsed import Attachment, Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.compound import OLE_ERRORS
from documents.parsers.eml import read_message
from documents.parsers.outlook import ATTACHMENT, PROPERTIES, RECIPIENT, Properties, decompressed
from documents.parsers.subdocuments import MAX_DEPTH

RECIPIENTS = {1: "To", 2: "Cc", 3: "Bcc"}  # PidTagRecipientType
SUBJECT, BODY, HTML, RTF, HEADERS = 0x0037, 0x1000, 0x1013, 0x1009, 0x007D
SENT = (0x0039, 0x0E06)  # submitted, delivered
FROM_NAME, FROM_ADDRESS = (0x0C1A, 0x0042), (0x5D01, 0x5D02, 0x0C1F, 0x0065)
NAME, ADDRESS, KIND = (0x3001,), (0x39FE, 0x3003), 0x0C15
FILE_NAME, MIME_TYPE, CONTENT_ID, CONTENT = (0x3707, 0x3704, 0x3001), (0x370E,), (0x3712,), 0x3701


class MsgParser:
    title = "Outlook message (MSG)"
    content_type = "application/vnd.ms-outlook"
    extensions = (".msg", ".oft")

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if PROPERTIES in sniffed.streams else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total | Attachment]:
        try:
            with OleFileIO(path) as file:
                message = _message(Properties.of(file), 0)
        except DocumentError:
            raise
        except RecursionError:
            raise DocumentTooComplex("The message is nested too deeply.") from None
        except OLE_ERRORS:
            raise DamagedDocument("The message is damaged: its parts cannot be read.") from None
        yield from read_message(message, context)


def _message(properties: Properties, depth: int) -> Message:
    """A message as mail would carry it. What lies deeper than attachments are read is left out."""
    message = MIMEMultipart("mixed")
    for name, value in _headers(properties):
        message[name] = value
    message.attach(_text(properties))
    rtf = properties.binary(RTF)
    if rtf is not None and not properties.text(BODY) and not properties.binary(HTML) and not properties.text(HTML):
        message.attach(_file("message.rtf", "application/rtf", decompressed(rtf)))
    if depth <= MAX_DEPTH:
        for attachment in properties.children(ATTACHMENT):
            message.attach(_attachment(attachment, depth))
    return message


def _headers(properties: Properties) -> Iterator[tuple[str, str]]:
    people: dict[str, list[str]] = {name: [] for name in RECIPIENTS.values()}
    for recipient in properties.children(RECIPIENT):
        kind = RECIPIENTS.get(recipient.number(KIND) & 15, "To")
        people[kind].append(_person(recipient, NAME, ADDRESS))
    carried = email.message_from_string(properties.text(HEADERS))
    sent = properties.time(*SENT)
    headers = {
        "From": _person(properties, FROM_NAME, FROM_ADDRESS),
        **{name: ", ".join(filter(None, found)) for name, found in people.items()},
        "Date": str(carried.get("Date", "")) or (email.utils.format_datetime(sent) if sent else ""),  # theirs has the time zone
        "Subject": properties.text(SUBJECT),
    }
    for name, value in headers.items():
        if text := value or str(carried.get(name, "")):
            yield name, " ".join(text.split())


def _person(properties: Properties, names: tuple[int, ...], addresses: tuple[int, ...]) -> str:
    name = properties.text(*names)
    address = next((found for number in addresses if "@" in (found := properties.text(number))), "")
    return f"{name} <{address}>" if name and address and name != address else name or address


def _text(properties: Properties) -> Message:
    """Plain text and HTML, whichever there is, as alternatives."""
    texts = MIMEMultipart("alternative")
    if plain := properties.text(BODY):
        texts.attach(_part("plain", plain.encode("utf-8", "replace"), "utf-8"))
    if html := properties.binary(HTML):
        texts.attach(_part("html", html, properties.html_charset))
    elif written := properties.text(HTML):
        texts.attach(_part("html", written.encode("utf-8", "replace"), "utf-8"))
    return texts


def _part(subtype: str, content: bytes, charset: str | None) -> Message:
    part = MIMEBase("text", subtype, **({"charset": charset} if charset else {}))
    part.set_payload(content)
    encoders.encode_base64(part)
    return part


def _attachment(properties: Properties, depth: int) -> Message:
    name = properties.text(*FILE_NAME)
    inner = properties.embedded()
    if inner is not None:
        part = MIMEMessage(_message(inner, depth + 1))
        if name:
            part.add_header("Content-Disposition", "attachment", filename=_plain(name) + ".eml")
        return part
    part = _file(name or "attachment", properties.text(*MIME_TYPE), properties.binary(CONTENT) or b"")
    if identifier := properties.text(*CONTENT_ID):
        part["Content-ID"] = _plain(identifier)
        part.replace_header("Content-Disposition", str(part["Content-Disposition"]).replace("attachment", "inline", 1))
    return part


def _file(name: str, content_type: str, content: bytes) -> Message:
    main, _, sub = content_type.partition("/")
    known = main.isalpha() and sub and all(character.isalnum() or character in "-.+" for character in sub) and sub.isascii()
    part = MIMEBase(main, sub) if known and main not in ("multipart", "message") else MIMEBase("application", "octet-stream")
    part.set_payload(content)
    encoders.encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=_plain(name))
    return part


def _plain(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


PARSERS = (MsgParser(),)
