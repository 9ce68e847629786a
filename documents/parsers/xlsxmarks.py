"""What XLSX knows of a sheet beside its values: hidden rows and columns, percentages, comments, drawings, margins."""

import re
from dataclasses import dataclass, field

from lxml import etree

from documents.parsed import Notice
from documents.parsers.archives import Archive
from documents.parsers.drawingml import Drawing, Linked
from documents.parsers.numberformats import kind
from documents.parsers.ooxml import attribute, guarded, local, main_part, relations
from documents.parsers.pagination import clean
from documents.parsers.sheets import Marks, margin

ROW = re.compile(rb"<(?:\w{1,20}:)?row\s([^>]{0,1000})>")
COLUMN = re.compile(rb"<(?:\w{1,20}:)?col\s([^>]{0,1000})>")
ATTRIBUTE = re.compile(rb'\b(r|min|max|hidden|s)="([^"]{0,40})"')
CELL = re.compile(rb'<(?:\w{1,20}:)?c\s(?:[^>]{0,200}\s)?r="([A-Z]{1,3})(\d{1,7})"([^>]{0,200})>')
MARGIN = re.compile(rb"<(?:\w{1,20}:)?((?:odd|even|first)(?:Header|Footer))(?:\s[^>]{0,100})?>([^<]{1,2000})<")
ESCAPED = ((b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&amp;", b"&"))
THREADED = "[Threaded comment]"  # what old programs are shown in place of a conversation
MAX_COLUMN = 16_384


@dataclass
class Workbook:
    """The parts of an XLSX file that `calamine` does not read. `of(name)` are the marks of a sheet."""

    archive: Archive
    notices: list[Notice]
    _sheets: dict[str, str] = field(default_factory=dict)
    _people: dict[str, str] = field(default_factory=dict)
    _percents: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        main = main_part(self.archive, "xl/workbook.xml")
        related = relations(self.archive, main)
        targets = {relation.id: relation.target for relation in related}
        for node in self.archive.xml(main).iter("{*}sheet"):
            if part := targets.get(next((value for key, value in node.attrib.items() if key.endswith("}id")), "")):
                self._sheets[node.get("name", "")] = part
        for relation in related:
            if relation.kind == "styles":
                self._percents = guarded(
                    lambda part=relation.target: _percents(self.archive.xml(part)), set(), "styles", self.notices
                )
            elif relation.kind == "person":
                people = guarded(lambda part=relation.target: list(self.archive.xml(part)), [], "people", self.notices)
                self._people |= {node.get("id", ""): clean(node.get("displayName", "")) for node in people}

    def of(self, name: str) -> Marks:
        """Marks of a sheet; few when its part cannot be found."""
        marks = Marks()
        part = self._sheets.get(name)
        if part is None:
            return marks
        content = self.archive.read(part)
        _mark_hidden(content, marks)
        _mark_percents(content, self._percents, marks)
        self._related(part, marks)
        margins = {line: None for match in MARGIN.finditer(content) for line in margin(_unescaped(match[2]))}
        marks.lines += margins
        return marks

    def _related(self, part: str, marks: Marks) -> None:
        related = relations(self.archive, part)
        drawn(self.archive, part, marks, self.notices)
        threads = [relation.target for relation in related if relation.kind == "threadedComment"]
        for relation in related:
            if relation.kind in ("comments", "threadedComment"):
                root = guarded(lambda part=relation.target: self.archive.xml(part), None, "comments", self.notices)
                if root is not None:
                    self._comments(root, bool(threads), marks)

    def _comments(self, root: etree._Element, threaded: bool, marks: Marks) -> None:
        authors = [clean("".join(node.itertext())) for node in root.iter("{*}author")]
        for node in root.iter("{*}comment", "{*}threadedComment"):
            text = clean("".join(part for child in node.iter("{*}t", "{*}text") if local(child) == "t" or not len(child)
                                 for part in [child.text or ""]))  # fmt: skip
            if threaded and text.startswith(THREADED):
                continue
            number = attribute(node, "authorId")
            author = authors[int(number)] if number.isdecimal() and int(number) < len(authors) else ""
            author = author or self._people.get(attribute(node, "personId"), "")
            marks.comment(clean(node.get("ref", "")), author, text)


def drawn(archive: Archive, part: str, marks: Marks, notices: list[Notice]) -> None:
    """The text of boxes and charts on a sheet, and how many pictures lie on it."""
    for relation in relations(archive, part):
        if relation.kind == "drawing":
            root = guarded(lambda part=relation.target: archive.xml(part), None, "a drawing", notices)
            if root is not None:
                marks.lines += Drawing(Linked(archive, relation.target, notices)).lines(root)
                marks.pictures += sum(1 for one in relations(archive, relation.target) if one.kind == "image")


def _mark_hidden(content: bytes, marks: Marks) -> None:
    if b"hidden=" not in content:
        return
    for match in ROW.finditer(content):
        found = dict(ATTRIBUTE.findall(match[1]))
        if found.get(b"hidden") in (b"1", b"true") and found.get(b"r", b"").isdigit():
            marks.hidden_rows.add(int(found[b"r"]) - 1)
    for match in COLUMN.finditer(content):
        found = dict(ATTRIBUTE.findall(match[1]))
        first, last = found.get(b"min", b""), found.get(b"max", b"")
        if found.get(b"hidden") in (b"1", b"true") and first.isdigit() and last.isdigit():
            marks.hidden_columns |= set(range(max(0, int(first) - 1), min(int(last), MAX_COLUMN)))


def _mark_percents(content: bytes, styles: set[bytes], marks: Marks) -> None:
    if not styles:
        return
    for match in CELL.finditer(content):
        if dict(ATTRIBUTE.findall(match[3])).get(b"s") in styles:
            column = sum((letter - 64) * 26**place for place, letter in enumerate(reversed(match[1])))
            marks.percents.add((int(match[2]) - 1, column - 1))


def _percents(styles: etree._Element) -> set[bytes]:
    """The numbers of the cell styles that show percentages."""
    codes = {node.get("numFmtId", ""): node.get("formatCode", "") for node in styles.iter("{*}numFmt")}
    formats = [node.get("numFmtId", "") for group in styles.iter("{*}cellXfs") for node in group]
    return {
        str(place).encode() for place, number in enumerate(formats)
        if number.isdecimal() and kind(int(number), codes.get(number)) == "percent"
    }  # fmt: skip


def _unescaped(text: bytes) -> str:
    for escaped, sign in ESCAPED:
        text = text.replace(escaped, sign)
    return text.decode("utf-8", "replace")
