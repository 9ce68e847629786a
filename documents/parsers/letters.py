"""What a person sees of a mail message: header lines, body, attachments (RFC 5322, 2045–2049, 2231, 3676).

Of alternatives the one that says more is shown: the plain text, unless the HTML has tables or the plain text is only a hint
that there is HTML. What any of them carries beside its text counts.
"""

import binascii
import email.generator
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header
from email.message import Message

from documents.parsed import Attachment, Notice
from documents.parsers.base import Context
from documents.parsers.charsets import decode
from documents.parsers.html import read_page
from documents.parsers.inlines import is_large, small_pictures
from documents.parsers.pagination import clean
from documents.parsers.subdocuments import title

HEADERS = ("From", "Sender", "To", "Cc", "Bcc", "Date", "Subject")
DAMAGE = (MessageError, ValueError, LookupError, TypeError, AttributeError, AssertionError)  # of odd parts
SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
HINT_SHARE = 0.5  # a plain text that is shorter than this part of the HTML only says that there is HTML
ENCRYPTED = Notice("part_encrypted", "A part of the message is encrypted and was not read.")
BLANKS = re.compile(r"\s+")
NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


@dataclass(slots=True)
class Letter:
    """The lines of a message, or of a part of one, with what hangs on it. `kind` is that of the text: plain, html or none."""

    lines: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    small_pictures: int = 0
    kind: str | None = None

    def take(self, other: "Letter", *, text: bool = True) -> None:
        """Adds a part; with `text=False` only what hangs on it."""
        if text:
            self.lines += other.lines
            self.notices += other.notices
            self.kind = self.kind or other.kind
        self.attachments += other.attachments
        self.small_pictures += other.small_pictures

    @property
    def size(self) -> int:
        return len(BLANKS.sub("", "".join(self.lines)))


def letter(message: Message, context: Context) -> Letter:
    """A whole message: its headers as lines, then its text. Raises RecursionError for parts in parts without end."""
    read = _part(message, context)
    headers = list(_headers(message))
    if read.attachments:
        headers.append("Attachments: " + ", ".join(title(attachment.name) for attachment in read.attachments[:100]))
    read.lines = [*headers, *([""] if headers and read.lines else []), *read.lines]
    if read.small_pictures:
        read.notices.append(small_pictures(read.small_pictures))
    return read


def header(message: Message, name: str) -> str:
    """The values of a header as they were meant; empty when there is none."""
    values = [_decoded(value) for found, value in message.raw_items() if found.lower() == name.lower()]
    return ", ".join(filter(None, values))


def _headers(message: Message) -> Iterable[str]:
    for name in HEADERS:
        if value := header(message, name):
            yield f"{name}: {value}"


def _decoded(value: object) -> str:
    """A raw value with its encoded words (RFC 2047) and 8-bit characters decoded, in one line."""
    text, _ = decode(str(value).encode("utf-8", "surrogateescape"))
    try:
        pieces = decode_header(text)
    except DAMAGE:
        pieces = [(text, None)]
    words = [piece if isinstance(piece, str) else decode(piece, charset)[0] for piece, charset in pieces]
    return " ".join(clean("".join(words)).split())


def _part(part: Message, context: Context) -> Letter:
    kind = part.get_content_type()
    if kind in SIGNATURES:
        return Letter()
    if kind == "multipart/encrypted" or (kind.endswith("pkcs7-mime") and "sign" not in str(part.get_param("smime-type", ""))):
        return Letter(notices=[ENCRYPTED])
    try:
        if part.is_multipart() and kind != "message/rfc822":
            parts = [_part(child, context) for child in part.get_payload()]
            return _best(parts) if kind == "multipart/alternative" else _all(parts)
        return _leaf(part, kind, context)
    except DAMAGE:
        return Letter(notices=[Notice("part_damaged", "A part of the message is damaged and was not read.")])


def _all(parts: list[Letter]) -> Letter:
    together = Letter()
    for part in parts:
        together.take(part)
    return together


def _best(parts: list[Letter]) -> Letter:
    plain = next((part for part in parts if part.kind == "plain" and part.size), None)
    html = next((part for part in parts if part.kind == "html" and part.size), None)
    best = plain or html or Letter()
    if plain and html and (any(" | " in line for line in html.lines) or plain.size < HINT_SHARE * html.size):
        best = html
    chosen = Letter()
    for part in parts:
        chosen.take(part, text=part is best)
    return chosen


def _leaf(part: Message, kind: str, context: Context) -> Letter:
    name = part.get_filename()
    if kind == "message/rfc822":
        return Letter(attachments=[_message(part)])
    if kind in ("text/plain", "text/html") and not name and part.get_content_disposition() != "attachment":
        return _text(part, kind, context)
    if kind.startswith(("message/", "text/rfc822-headers")) and not name:  # reports of delivery
        return Letter(clean(decode(_content(part))[0]).split("\n"))
    content = _content(part)
    inline = part.get_content_disposition() != "attachment" and (
        "content-id" in part or part.get_content_disposition() == "inline"
    )
    if kind.startswith("image/") and inline and not is_large(content):
        return Letter(small_pictures=1)
    return Letter(attachments=[Attachment(_decoded(name) if name else kind, content)])


def _content(part: Message) -> bytes:
    if _is_base64(part) and isinstance(raw := part.get_payload(), str):
        return _from_base64(raw.encode("ascii", "ignore"))
    payload = part.get_payload(decode=True)
    if payload is None:
        payload = "\n".join(map(str, part.get_payload() or ())).encode("utf-8", "surrogateescape")
    return payload


def _text(part: Message, kind: str, context: Context) -> Letter:
    charset = part.get_param("charset")
    declared = charset if isinstance(charset, str) else None
    if kind == "text/html":
        page, notices = read_page(_content(part), declared, context)
        pictures = [Attachment(f"picture {number}", picture) for number, picture in enumerate(page.pictures, 1)]
        return Letter(page.lines, notices, pictures, kind="html")
    text, notices = decode(_content(part), declared)
    lines = clean(text).split("\n")
    if str(part.get_param("format", "")).lower() == "flowed":
        lines = _unflowed(lines, str(part.get_param("delsp", "")).lower() == "yes")
    return Letter(lines, notices, kind="plain")


def _unflowed(lines: list[str], delete_space: bool) -> list[str]:
    """Paragraphs whose lines were broken softly are one line again (RFC 3676, §4)."""
    paragraphs: list[list[str]] = []
    flows = False
    for line in lines:
        text = line[1:] if line.startswith(" ") else line
        if not flows or text.startswith(">"):
            paragraphs.append([])
        flows = text.endswith(" ") and text != "-- "
        paragraphs[-1].append(text[:-1] if flows and delete_space else text)
    return list(map("".join, paragraphs))


def _message(part: Message) -> Attachment:
    """A message inside a message, as bytes again."""
    payload = part.get_payload()
    inner = payload[0] if isinstance(payload, list) and payload else None
    if inner is None:
        return Attachment("message.eml", _content(part))
    buffer = io.BytesIO()
    email.generator.BytesGenerator(buffer, mangle_from_=False).flatten(inner)
    content = _from_base64(buffer.getvalue()) if _is_base64(part) else buffer.getvalue()  # against RFC 2046, but sent
    name = part.get_filename()
    return Attachment(_decoded(name) if name else f"{header(inner, 'Subject') or 'message'}.eml", content)


def _is_base64(part: Message) -> bool:
    return str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64"


def _from_base64(data: bytes) -> bytes:
    """As much as can be decoded of base64 that may be cut off or mixed with other characters."""
    digits = NOT_BASE64.sub(b"", data)
    whole = len(digits) // 4 * 4
    rest = digits[whole:]
    return binascii.a2b_base64(digits[:whole] + (rest + b"==")[:4] if len(rest) > 1 else digits[:whole])
