"""Documents inside documents: attachments of mails, files embedded in a PDF, mails inside mails.

A reader yields an `Attachment` and the driver here does the rest: it chooses the reader for it by content, reads it after
the parent and numbers its pages on from there. An attachment that cannot be read costs a notice, never the parent. A reader
yields its attachments also when it may read no page (`max_pages=0`): so the place of a page is found without reading others.
"""

import gc
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.errors import DocumentError, MyelinError
from documents.parsed import Attachment, Notice, Page, Total
from documents.parsers.base import Context, Parser
from documents.parsers.hidden import visible

MAX_DEPTH = 3
MAX_ATTACHMENTS = 50
MAX_BYTES = 128 << 20  # of all attachments together: they lie in the private folder
MAX_NAME = 120
BETWEEN = " › "
NAMED = 10  # attachments that one notice names

Item = Page | Notice | Total
Choose = Callable[[Path, str], Parser]


def read(path: Path, parser: Parser, choose: Choose, context: Context) -> Iterator[Item]:
    """Everything of a document and of what is attached to it: pages numbered throughout, a `Total` whenever more is known.

    Pages and notices of an attachment bear its name. What is attached is unpacked into the private folder, which the sandbox
    empties: nothing is cleaned up here, as after a MemoryError. Raises what the reader of the document itself raises.
    """
    tree = _Tree(choose)
    for item in tree.document(_Part(0, path, parser), context, 0):
        if not isinstance(item, _Part):
            yield item
    yield from tree.refusals()


def locate(path: Path, parser: Parser, choose: Choose, context: Context, page: int) -> tuple[Path, Parser, int]:
    """The file, the reader and the number in that file of a page as `read` numbers them.

    A page that nothing attached has is the document's own affair.
    """
    last = own = _Part(0, path, parser)
    total = 0
    try:
        for item in _Tree(choose).document(own, replace(context, max_pages=0), 0):
            if isinstance(item, _Part) and item.first < page:
                last = item
            total = max(total, _reach(item))
            if total >= page:
                return last.path, last.parser, page - last.first
    except MyelinError:
        pass  # its reader says so in its own words when it is asked for the picture
    return path, parser, page


@dataclass(frozen=True, slots=True)
class _Part:
    """A document of the tree begins here: its page n is page `first` + n of the whole."""

    first: int
    path: Path
    parser: Parser


@dataclass(slots=True)
class _Tree:
    """What all documents of one upload share: how many attachments and bytes are left, and what was refused for that."""

    choose: Choose
    left: int = MAX_ATTACHMENTS
    bytes_left: int = field(default_factory=lambda: MAX_BYTES)
    refused: list[str] = field(default_factory=list)

    def document(self, part: _Part, context: Context, depth: int) -> Iterator[Item | _Part]:
        """A document and what is attached to it, numbered from 1. Its own error waits for its attachments."""
        yield part
        total, kept = 0, []
        try:
            for item in part.parser.parse(part.path, context):
                if isinstance(item, Attachment):
                    kept += self._kept(item, depth)
                else:
                    total = max(total, _reach(item))
                    yield item
        except DocumentError as error:
            if not kept:
                raise
            yield Notice(error.code, error.detail)
        for name, path in kept:
            offset = total
            first, most = max(1, context.first_page - offset), max(0, context.max_pages - offset)
            for item in self._attachment(name, path, replace(context, first_page=first, max_pages=most), depth + 1):
                moved = _moved(item, name, offset)
                total = max(total, _reach(moved))
                yield moved

    def refusals(self) -> Iterator[Notice]:
        """One notice for all attachments that were too many, too large or too deep."""
        if self.refused:
            named = ", ".join(self.refused[:NAMED]) + (" …" if len(self.refused) > NAMED else "")
            limits = f"at most {MAX_ATTACHMENTS}, {MAX_BYTES >> 20} MiB and {MAX_DEPTH} levels are"
            yield Notice("attachment_unread", f"{len(self.refused)} attachments were not read ({limits}): {named}")

    def _kept(self, attachment: Attachment, depth: int) -> list[tuple[str, Path]]:
        name = title(attachment.name)
        size = len(attachment.content)
        if depth >= MAX_DEPTH or self.left < 1 or size > self.bytes_left:
            self.refused.append(name)
            return []
        self.left -= 1
        self.bytes_left -= size
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(attachment.content)
        return [(name, Path(file.name))]

    def _attachment(self, name: str, path: Path, context: Context, depth: int) -> Iterator[Item | _Part]:
        try:
            yield from self.document(_Part(0, path, self.choose(path, name)), context, depth)
            return
        except MyelinError as error:
            reason = error.detail
        except RecursionError:
            reason = "It is nested too deeply."
        except MemoryError:
            gc.collect()
            reason = "It needs more memory than is allowed."
        except Exception:  # a reader's crash, which alone would be `parser_crashed`: here the parent lives on, and it is told
            reason = "The reader of this type of document failed."
        yield Notice("attachment_unread", f"The attachment was not read. {reason}")


def title(name: str) -> str:
    """A name as it may be shown: one line, no longer than a line, without what nobody sees."""
    shown = "".join(character if character.isprintable() else " " for character in visible(name)[0])
    return " ".join(shown.split())[:MAX_NAME] or "attachment"


def _reach(item: Item | _Part) -> int:
    """The highest page number that an item speaks of."""
    match item:
        case Page():
            return item.number
        case Total():
            return item.pages
        case Notice():
            return item.page or 0
    return 0


def _moved(item: Item | _Part, name: str, offset: int) -> Item | _Part:
    match item:
        case Page():
            label = f"{name}{BETWEEN}{item.label}" if item.label else name
            return replace(item, number=item.number + offset, label=label)
        case Total():
            return Total(item.pages + offset)
        case Notice():
            page = None if item.page is None else item.page + offset
            return Notice(item.code, f"{name}: {item.message}", page)
    return replace(item, first=item.first + offset)
