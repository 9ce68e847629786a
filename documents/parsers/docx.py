"""DOCX: everything a reader sees, walked in the XML itself.

Paragraphs, tables as `cell | cell`, headers and footers, notes, text boxes, content controls and tracked insertions; not
deletions, not hidden runs, not comments. Tags are compared by local name: the strict variant has other namespaces.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from core.errors import DamagedDocument, DocumentError
from documents.parsed import Notice, Page, Total
from documents.parsers.archives import Archive
from documents.parsers.base import Context, Sniffed
from documents.parsers.pagination import PAGE_CHARACTERS, clean, pages, stretches

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
BREAK = "\f"  # a page ends here; `clean` lets none through from the document
SKIPPED = frozenset({
    "del", "moveFrom", "Fallback", "rPr", "pPr", "tblPr", "trPr", "tcPr", "sectPr", "sdtPr", "annotation",
})  # fmt: skip
CHARACTERS = {"tab": "\t", "ptab": "\t", "cr": "\n", "noBreakHyphen": "-", "softHyphen": "", "lastRenderedPageBreak": BREAK}
OFF = ("0", "false", "off", "none")


class DocxParser:
    title = "DOCX"
    content_type = CONTENT_TYPE
    extensions = (".docx", ".docm", ".dotx")

    def accepts(self, sniffed: Sniffed) -> int | None:
        return 100 if any(name.startswith("word/document") for name in sniffed.zip_members) else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        with Archive(path) as archive:
            main = _main_part(archive)
            notices: list[Notice] = []
            walk = Walk(_notes(archive, main, notices))
            headers = _side_parts(archive, main, "header", notices)
            footers = _side_parts(archive, main, "footer", notices)
            body = walk.blocks(archive.xml(main))
        if walk.hidden:
            notices.append(Notice("hidden_text_removed", "The document holds hidden text, which was left out."))
        texts = _cut([*headers, *body, *walk.flush_notes(), *footers])
        yield from pages([(text, None) for text in texts], context.max_pages, notices)


@dataclass
class Walk:
    """One pass over a part: `blocks` gives its lines; notes that were referred to follow at the end of their page."""

    notes: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    hidden: bool = False
    _referred: list[tuple[str, str]] = field(default_factory=list)
    _boxes: list[etree._Element] = field(default_factory=list)

    def blocks(self, node: etree._Element) -> list[str]:
        """Lines of a body, a cell or a text box, with BREAK as a line of its own where a page ends."""
        lines: list[str] = []
        for child in node:
            tag = _local(child)
            if tag == "p":
                lines += self._paragraph(child)
            elif tag == "tbl":
                lines += self._table(child)
            elif tag not in SKIPPED:
                lines += self.blocks(child)
        return lines

    def flush_notes(self) -> list[str]:
        """The notes referred to since the last page break."""
        lines = [f"[{number}] {line}" for kind, number in self._referred for line in self.notes.get((kind, number), ())]
        self._referred.clear()
        return lines

    def _paragraph(self, node: etree._Element) -> list[str]:
        parts: list[str] = []
        self._boxes, outer = [], self._boxes
        self._inline(node, parts)
        boxes, self._boxes = self._boxes, outer
        lines = []
        if _is_on(node.find("{*}pPr/{*}pageBreakBefore")):
            lines += [*self.flush_notes(), BREAK]
        for number, part in enumerate("".join(parts).split(BREAK)):
            if number:
                lines += [*self.flush_notes(), BREAK]
            lines += part.split("\n") if part or not number else []
        for box in boxes:
            lines += self.blocks(box)
        return lines

    def _inline(self, node: etree._Element, parts: list[str]) -> None:
        for child in node:
            tag = _local(child)
            if tag == "t":
                parts.append(clean(child.text or ""))
            elif tag in CHARACTERS:
                parts.append(CHARACTERS[tag])
            elif tag == "br":
                parts.append(BREAK if _attribute(child, "type") == "page" else "\n")
            elif tag == "sym":
                parts.append(_symbol(child))
            elif tag == "txbxContent":
                self._boxes.append(child)
            elif tag in ("footnoteReference", "endnoteReference"):
                self._refer(tag.removesuffix("Reference"), _attribute(child, "id"), parts)
            elif tag == "r" and _is_on(child.find("{*}rPr/{*}vanish")):
                self.hidden = True
            elif tag not in SKIPPED:
                self._inline(child, parts)

    def _refer(self, kind: str, number: str, parts: list[str]) -> None:
        if (kind, number) in self.notes:
            self._referred.append((kind, number))
            parts.append(f"[{number}]")

    def _table(self, node: etree._Element) -> list[str]:
        lines: list[str] = []
        for row in _within(node, "tr", ("tbl",)):
            cells = [self.blocks(cell) for cell in _within(row, "tc", ("tbl",))]
            if any(BREAK in cell for cell in cells):
                lines.append(BREAK)
            texts = [" ".join(" ".join(line.split()) for line in cell if line != BREAK).strip() for cell in cells]
            if any(texts):
                lines.append(" | ".join(texts))
        return lines


def _within(node: etree._Element, wanted: str, stop: tuple[str, ...]) -> Iterator[etree._Element]:
    """Rows of a table or cells of a row, also those inside content controls and insertions; not those of inner tables."""
    for child in node:
        tag = _local(child)
        if tag == wanted:
            if wanted != "tr" or child.find("{*}trPr/{*}del") is None:
                yield child
        elif tag not in SKIPPED and tag not in stop:
            yield from _within(child, wanted, stop)


def _local(node: etree._Element) -> str:
    tag = node.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else "annotation"


def _attribute(node: etree._Element, name: str) -> str:
    return next((value for key, value in node.attrib.items() if key.rpartition("}")[2] == name), "")


def _is_on(node: etree._Element | None) -> bool:
    return node is not None and _attribute(node, "val").lower() not in OFF


def _symbol(node: etree._Element) -> str:
    """Symbol fonts put their signs into the private area; the part below it is what the key would type."""
    try:
        code = int(_attribute(node, "char"), 16)
    except ValueError:
        return ""
    return clean(chr(code - 0xF000 if 0xF000 <= code <= 0xF0FF else code)) if code < 0x110000 else ""


def _main_part(archive: Archive) -> str:
    if "_rels/.rels" in archive.names:
        for relation in archive.xml("_rels/.rels"):
            target = relation.get("Target", "").lstrip("/")
            if relation.get("Type", "").endswith("/officeDocument") and target in archive.names:
                return target
    if "word/document.xml" in archive.names:
        return "word/document.xml"
    raise DamagedDocument("The file is damaged: its text is missing.")


def _parts(archive: Archive, main: str, kind: str) -> list[str]:
    folder = posixpath.dirname(main)
    return sorted(name for name in archive.names if name.startswith(f"{folder}/{kind}") and name.endswith(".xml"))


def _side_parts(archive: Archive, main: str, kind: str, notices: list[Notice]) -> list[str]:
    """The lines of headers or footers, each different one once."""
    lines: dict[str, None] = {}
    for name in _parts(archive, main, kind):
        for line in _guarded(lambda name=name: Walk().blocks(archive.xml(name)), kind, notices):
            if line.strip() and line != BREAK:
                lines[line] = None
    return list(lines)


def _notes(archive: Archive, main: str, notices: list[Notice]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for kind in ("footnote", "endnote"):
        for name in _parts(archive, main, f"{kind}s"):
            for note in _guarded(lambda name=name: list(archive.xml(name)), kind, notices):
                if not _attribute(note, "type"):  # separators have one
                    found[kind, _attribute(note, "id")] = [line for line in Walk().blocks(note) if line.strip() and line != BREAK]
    return found


def _guarded(read, kind: str, notices: list[Notice]) -> list:
    """A damaged side part costs a notice, not the document."""
    try:
        return read()
    except DocumentError:
        notices.append(Notice("part_damaged", f"A {kind} of the document is damaged and was not read."))
        return []


def _cut(lines: list[str]) -> list[str]:
    """Pages at the breaks, then by size: twice the usual one where there are breaks to go by."""
    size = 2 * PAGE_CHARACTERS if BREAK in lines else PAGE_CHARACTERS
    pieces: list[list[str]] = [[]]
    for line in lines:
        if line == BREAK:
            pieces.append([])
        else:
            pieces[-1].append(line)
    return [text for piece in pieces for text in stretches(piece, size)]


PARSERS = (DocxParser(),)
