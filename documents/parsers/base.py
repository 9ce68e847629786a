"""The contract of a reader: one file of this folder, found by itself. Readers run only inside the sandbox."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from documents.parsed import Attachment, Notice, Page, Total


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What the content says about itself: first bytes, members of a zip, streams and storages at the root of a compound
    file, and the file name only as a last hint."""

    head: bytes
    zip_members: frozenset[str]
    filename: str
    streams: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Context:
    """What a reader may know: OCR languages (`por+eng`), limits in pages, pixels and cells; and whether a second OCR
    engine helps.

    `first_page` is where to begin after a page that ended the reader before; one that reads no page by itself ignores it.
    """

    ocr_languages: str = "por+eng"
    second_engine: bool = False
    max_pages: int = 500
    max_pixels: int = 64_000_000
    max_cells: int = 2_000_000
    first_page: int = 1


class Parser(Protocol):
    """A reader. `accepts` scores what it sniffs (highest wins, None declines); `parse` yields in reading order.

    `parse` yields one `Total` first when the count is known, then a `Page` each and `Notice`s between them. It raises a
    `DocumentError` when nothing can be read; a page that fails alone is a `Notice` with its number. Documents inside the
    document are `Attachment`s, yielded also when `context.max_pages` is 0; `subdocuments` reads them.
    """

    title: ClassVar[str]
    content_type: ClassVar[str]
    extensions: ClassVar[tuple[str, ...]]

    def accepts(self, sniffed: Sniffed) -> int | None: ...

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total | Attachment]: ...
