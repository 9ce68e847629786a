"""EML: mail messages, and mailboxes of several."""

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

from core.errors import DamagedDocument, DocumentTooComplex
from documents.parsed import Attachment, Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.letters import DAMAGE, letter
from documents.parsers.pagination import pages, stretches

EXTENSIONS = (".eml", ".mbox", ".mht", ".mhtml")
FIELD = re.compile(rb"([!-9;-~]{1,76})[ \t]{0,9}:")
WAYS = frozenset((b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"received", b"return-path", b"delivered-to",
                  b"mime-version", b"content-type", b"reply-to", b"sender", b"dkim-signature", b"content-transfer-encoding",
                  b"x-mailer", b"in-reply-to", b"references"))  # fmt: skip
SURE = frozenset((b"from", b"received", b"return-path", b"message-id", b"mime-version"))
LEAST_FIELDS = 3
MAX_HEADER = 20_000  # characters
ENVELOPE = b"From "
NEXT_MESSAGE = re.compile(rb"\n\r?\n(?=From [^\r\n]{1,200}\d\d:\d\d)")


class Bounded(email.policy.Compat32):
    """Headers of bounded length: the email package is slow (quadratic) in their parameters."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:MAX_HEADER]


class EmlParser:
    title = "E-mail (EML)"
    content_type = "message/rfc822"
    extensions = EXTENSIONS

    def accepts(self, sniffed: Sniffed) -> int | None:
        known = known_fields(sniffed.head)
        named = sniffed.filename.lower().endswith(EXTENSIONS)
        return 60 if (known & SURE and (len(known) >= LEAST_FIELDS or named)) or (known and named) else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total | Attachment]:
        data = path.read_bytes()
        if data.startswith(ENVELOPE) and len(messages := NEXT_MESSAGE.split(data)) > 1:
            yield Total(0)
            for number, message in enumerate(messages, 1):
                yield Attachment(f"message {number}.eml", message)
            return
        yield from read_message(_parsed(data), context)


def read_message(message: Message, context: Context) -> Iterator[Page | Notice | Total | Attachment]:
    """The pages, notices and attachments of a message. Raises DocumentTooComplex."""
    try:
        read = letter(message, context)
    except RecursionError:
        raise DocumentTooComplex("The message is nested too deeply.") from None
    yield from read.attachments
    yield from pages([(part, None) for part in stretches(read.lines)], context.max_pages, read.notices)


def known_fields(head: bytes) -> set[bytes]:
    """The header fields of mail at the beginning of a file; none when it begins with something else."""
    found: set[bytes] = set()
    for number, line in enumerate(head.removeprefix(b"\xef\xbb\xbf").split(b"\n")):
        if not line.strip():
            break
        if (line[:1] in (b" ", b"\t") and number) or (number == 0 and line.startswith(ENVELOPE)):
            continue
        match = FIELD.match(line)
        if match is None:
            return set() if number < LEAST_FIELDS else found
        found.add(match[1].lower())
    return found & WAYS


def _parsed(data: bytes) -> Message:
    try:
        return email.message_from_bytes(data.removeprefix(b"\xef\xbb\xbf"), policy=Bounded())
    except RecursionError:
        raise DocumentTooComplex("The message is nested too deeply.") from None
    except DAMAGE:
        raise DamagedDocument("The message is damaged: its parts cannot be told apart.") from None


PARSERS = (EmlParser(),)
