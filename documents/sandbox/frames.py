"""The frames a child sends: one byte of kind, four bytes of length (big endian), then JSON, or a PNG. Never pickle.

A document is `C` (confined), `K` (content type), `T` (how many pages), `P` and `N` (pages and notices) and `.` (end);
`E` is an error and ends it; `I` is the picture of a page and `V` the JSON of a computation. The sender may be hostile:
`decode` believes nothing.
"""

import struct
from dataclasses import dataclass
from enum import Enum

import orjson

from core.errors import DocumentError, MyelinError, NotFound, UnsupportedType
from documents.parsed import Notice, Page, SealedPage, Total

HEADER = struct.Struct("!cI")
MAX_NUMBER = 10_000_000  # pages
MAX_TEXT = 600  # characters of a message


class FrameError(ValueError):
    """What arrived is no frame that a child of ours sends."""


class Tag(Enum):
    """The kind byte of a frame."""

    CONFINED = b"C"
    KIND = b"K"
    TOTAL = b"T"
    PAGE = b"P"
    NOTICE = b"N"
    IMAGE = b"I"
    VALUE = b"V"
    ERROR = b"E"
    END = b"."


@dataclass(frozen=True, slots=True)
class Kind:
    """The content type that was recognised from the content: the first thing known of a document.

    `resumable`: its reader can begin at any page, so a page that ends it costs no more than that page.
    """

    content_type: str
    resumable: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """An error on its way to the server; `where` is `file.py:line` of a crash, for the log."""

    code: str
    detail: str
    hint: str | None = None
    where: str | None = None

    def error(self) -> MyelinError:
        """The error to raise. A code that a reader may not use becomes plain `unreadable_document`."""
        return _ERRORS.get(self.code, DocumentError)(self.detail, hint=self.hint)


Item = Kind | Total | Page | Notice
Content = Kind | Total | SealedPage | Notice | Failure | bytes | None


def _family(error: type[MyelinError]) -> list[type[MyelinError]]:
    return [error, *(below for child in error.__subclasses__() for below in _family(child))]


_ERRORS = {error.code: error for error in (*_family(DocumentError), UnsupportedType, NotFound)}


def pack(tag: Tag, payload: bytes = b"") -> bytes:
    return header_of(tag, len(payload)) + payload


def header_of(tag: Tag, length: int) -> bytes:
    return HEADER.pack(tag.value, length)


def encode(item: Item | Failure) -> bytes:
    """A whole frame; raises TypeError for anything else."""
    match item:
        case Page():
            return pack(Tag.PAGE, item.to_json())
        case Notice(code, message, page):
            return pack(Tag.NOTICE, orjson.dumps([code, message, page]))
        case Total(pages):
            return pack(Tag.TOTAL, orjson.dumps(pages))
        case Kind(content_type, resumable):
            return pack(Tag.KIND, orjson.dumps([content_type, resumable]))
        case Failure(code, detail, hint, where):
            return pack(Tag.ERROR, orjson.dumps([code, detail, hint, where]))
    raise TypeError(f"a reader may not yield {type(item).__name__}")


def header(data: bytes, limit: int) -> tuple[Tag, int]:
    """Kind and length of the frame that begins with these five bytes; FrameError when it cannot be."""
    kind, length = HEADER.unpack(data)
    try:
        tag = Tag(kind)
    except ValueError:
        raise FrameError("unknown kind of frame") from None
    if length > limit:
        raise FrameError(f"a frame of {length} bytes")
    return tag, length


def decode(tag: Tag, payload: bytes) -> Content:
    """The checked content of a frame; None for frames without one. FrameError for anything malformed."""
    try:
        return _decode(tag, payload)
    except FrameError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise FrameError(f"malformed {tag.name.lower()} frame: {type(error).__name__}") from None


def _decode(tag: Tag, payload: bytes) -> Content:
    match tag:
        case Tag.PAGE:
            return _page(payload)
        case Tag.NOTICE:
            code, message, page = orjson.loads(payload)
            return Notice(_text(code, 64), _text(message), None if page is None else _number(page, 1))
        case Tag.TOTAL:
            return Total(_number(orjson.loads(payload), 0))
        case Tag.KIND:
            content_type, resumable = orjson.loads(payload)
            return Kind(_text(content_type, 128), resumable is True)
        case Tag.ERROR:
            code, detail, hint, where = orjson.loads(payload)
            return Failure(_text(code, 64), _text(detail), hint and _text(hint), where and _text(where, 120))
        case Tag.IMAGE:
            if not payload.startswith(b"\x89PNG\r\n\x1a\n"):
                raise FrameError("not a PNG")
            return payload
        case Tag.VALUE:
            return payload
    if payload:
        raise FrameError("a payload where none belongs")
    return None


def _page(payload: bytes) -> SealedPage:
    page = SealedPage.of(payload)
    _number(page.number, 1)
    return page


def _text(value: object, limit: int = MAX_TEXT) -> str:
    if not isinstance(value, str):
        raise FrameError("not a text")
    return "".join(char if char.isprintable() else " " for char in value[:limit])


def _number(value: object, least: int) -> int:
    if type(value) is not int or not least <= value <= MAX_NUMBER:
        raise FrameError("not a number of pages")
    return value
