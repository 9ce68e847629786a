"""The text of an HTML page as a person sees it, line by line.

Tables become `cell | cell` lines with merged cells told in each row, lists keep their marks, form fields their values, and
pictures the words that stand for them. Scripts, comments and whatever is styled to be invisible are left out; how many
characters that were is counted. Nothing is fetched, and the walk needs no stack: pages nest as deep as they like.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from core.errors import DocumentTooComplex
from documents.parsers.styles import Look, Sheet
from documents.parsers.tables import Cell, Flow, Table

BLOCKS = frozenset((
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol optgroup p pre section summary tbody "
    "tfoot thead title ul text table tr td th"
).split())  # fmt: skip
HEADINGS = ("h1", "h2", "h3")
SKIPPED = frozenset((
    "script style template noscript noembed noframes meta link base iframe object embed audio video canvas map "
    "datalist param source track area"
).split())  # fmt: skip
TYPED = frozenset(("", "text", "email", "tel", "url", "number", "date", "time", "month", "week", "datetime-local", "search",
                   "submit", "reset", "button"))  # fmt: skip
DATA_PICTURE = re.compile(r"\s*data:image/[\w.+-]{1,20};base64,", re.IGNORECASE)
MAX_PICTURE = 30 << 20  # characters of base64
BLANKS = re.compile(r"\s+")
XHTML, XHTML_REACH = "http://www.w3.org/1999/xhtml", 4096
SELF_CLOSED = re.compile(r"<([a-zA-Z][\w:-]{0,40})(\s[^<>]{0,5000})?/>")
VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"))


@dataclass(slots=True)
class Shown:
    """What a page shows: its lines, its first heading, the pictures in it and how many it links to, and how many characters
    it hides."""

    lines: list[str] = field(default_factory=list)
    heading: str = ""
    pictures: list[bytes] = field(default_factory=list)
    linked: int = 0
    hidden: int = 0


def shown(text: str, max_cells: int) -> Shown:
    """The visible text of an HTML page. Raises DocumentTooComplex for one that nests deeper than anything readable."""
    if XHTML in text[:XHTML_REACH]:
        text = SELF_CLOSED.sub(_reopened, text)
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=True)
    root = etree.fromstring(text.encode("utf-8", "replace") or b" ", parser)
    if any("depth" in entry.message for entry in parser.error_log):
        raise DocumentTooComplex("The page is nested too deeply.")
    return Shown() if root is None else _Walk(Sheet.of(root), max_cells).walk(root)


def _reopened(match: re.Match[str]) -> str:
    """`<title/>` ends there in XHTML; in HTML it would swallow the rest of the page."""
    name, attributes = match[1], match[2] or ""
    return match[0] if name.lower() in VOID else f"<{name}{attributes}></{name}>"


class _Walk:
    """One pass over a page; `flows` are the texts that are being written: the page's, and that of each cell inside it."""

    def __init__(self, sheet: Sheet, max_cells: int):
        self._sheet = sheet
        self._cells = max_cells
        self._result = Shown()
        self._flows = [Flow()]
        self._tables: list[Table] = []
        self._looks: list[Look] = [sheet.first_look()]
        self._lists: list[int | None] = []
        self._pre = 0

    def walk(self, root: etree._Element) -> Shown:
        walker = etree.iterwalk(root, events=("start", "end"))
        for event, node in walker:
            if event == "start":
                if node.tag in BLOCKS:
                    self._flows[-1].end_line()
                self._looks.append(self._sheet.look(node, self._looks[-1]))
                if _is_skipped(node):
                    walker.skip_subtree()
                else:
                    self._start(node)
            else:
                self._end(node)
                self._looks.pop()
                self._text(node.tail or "")
        self._result.lines = self._flows[0].lines()
        return self._result

    def _text(self, text: str) -> None:
        if not text:
            return
        if self._looks[-1].hidden:
            self._result.hidden += len(BLANKS.sub("", text))
        else:
            self._flows[-1].add(text, keep=self._pre > 0)

    def _start(self, node: etree._Element) -> None:
        tag = node.tag
        match tag:
            case "br":
                self._flows[-1].end_line()
            case "table":
                self._tables.append(Table(len(self._flows)))
            case "tr" if self._in_table():
                self._tables[-1].new_row()
            case "td" | "th" if self._in_table():
                self._flows.append(Flow())
            case "ul" | "ol" | "menu" | "dir":
                self._lists.append(_number(node.get("start"), 1) if tag == "ol" else None)
            case "li":
                self._item(self._flows[-1])
            case "pre" | "textarea":
                self._pre += 1
            case "dialog" if "open" not in node.attrib:
                self._looks[-1] = Look(gone=True)
            case "img" | "input":
                self._text(f" {self._replaced(node)} ")
        self._text(node.text or "")

    def _end(self, node: etree._Element) -> None:
        tag = node.tag
        if tag in ("td", "th") and self._in_cell():
            lines = self._flows.pop().lines()
            span = _number(node.get("colspan"), 1), _number(node.get("rowspan"), 1)
            self._tables[-1].add(Cell(lines, *span))
        elif tag == "table" and self._tables:
            table = self._tables.pop()
            del self._flows[table.depth :]  # cells that were never closed
            lines = table.lines(self._cells)
            self._cells -= table.written
            self._flows[-1].add_lines(lines)
            if self._tables:
                self._tables[-1].nested = True
        elif tag in ("ul", "ol", "menu", "dir") and self._lists:
            self._lists.pop()
        elif tag in ("pre", "textarea"):
            self._flows[-1].add("\n", keep=True)
            self._pre -= 1
        if tag in BLOCKS:
            self._flows[-1].end_line()
        if tag in HEADINGS and not self._result.heading:
            self._result.heading = " ".join("".join(node.itertext()).split())

    def _in_table(self) -> bool:
        return bool(self._tables) and len(self._flows) == self._tables[-1].depth

    def _in_cell(self) -> bool:
        return bool(self._tables) and len(self._flows) == self._tables[-1].depth + 1

    def _item(self, flow: Flow) -> None:
        number = self._lists[-1] if self._lists else None
        flow.mark = "  " * max(0, min(len(self._lists), 20) - 1) + (f"{number}. " if number is not None else "- ")
        if number is not None:
            self._lists[-1] = number + 1

    def _replaced(self, node: etree._Element) -> str:
        """The words for a picture, or what stands in a form field."""
        if node.tag == "img":
            found = list(_picture(node.get("src", ""))) if not self._looks[-1].hidden else []
            self._result.pictures += found
            self._result.linked += not found and not self._looks[-1].hidden
            return node.get("alt", "")
        kind = node.get("type", "").lower()
        if kind in ("checkbox", "radio"):
            return "[x]" if "checked" in node.attrib else "[ ]"
        return node.get("alt" if kind == "image" else "value", "") if kind in (*TYPED, "image") else ""


def _is_skipped(node: etree._Element) -> bool:
    if node.tag == "option":
        return not _chosen(node)
    return node.tag in SKIPPED or (node.tag == "title" and node.getparent().tag != "head")


def _chosen(option: etree._Element) -> bool:
    """The options that a list shows: those selected, or the first one."""
    if "selected" in option.attrib:
        return True
    select = next(option.iterancestors("select", "datalist"), None)
    if select is None or select.tag == "datalist" or "multiple" in select.attrib:
        return select is None
    first = next(select.iter("option"))
    return option is first and not any("selected" in other.attrib for other in select.iter("option"))


def _number(value: str | None, default: int) -> int:
    return int(value) if value and value.isdecimal() and value.isascii() and len(value) < 7 else default


def _picture(source: str) -> Iterator[bytes]:
    match = DATA_PICTURE.match(source)
    if match and len(source) <= MAX_PICTURE:
        try:
            yield base64.b64decode(source[match.end() :])
        except (binascii.Error, ValueError):
            return
