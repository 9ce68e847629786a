"""The XML of Brazilian fiscal documents (NF-e, NFC-e, CT-e, MDF-e, national NFS-e and their events): the exact truth.

It is printed the way its paper is: sections with headings, labelled lines, items as a table. Nothing of it is left out but
the digital signature, which no paper shows: what has no label stands under the name of its element.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from lxml import etree

from core.errors import DamagedDocument
from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context, Sniffed
from documents.parsers.fiscalforms import printed
from documents.parsers.fiscalwords import (
    FAMILIES,
    HEADINGS,
    LABELS,
    MEANINGS,
    OF_TAX,
    OWN,
    PARTIES,
    TABLES,
    TAXES,
    TITLES,
)
from documents.parsers.pagination import clean, pages, stretches
from documents.parsers.xml import parse_any

NAMESPACE = re.compile(
    rb"xmlns(?::\w{1,20})?\s{0,9}=\s{0,9}[\"'](" + b"|".join(re.escape(name.encode()) for name in FAMILIES) + rb")[\"']"
)
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
MARKUP = re.compile(r"\s*<")
ADDRESS = ("nro", "xCpl")  # printed behind the street
AFTER = {"infNFSe": ("emit", "valores")}  # the paper shows the declaration of the provider first
BEHIND_KEY = ("nProt", "dhRecbto", "dhRegEvento")


class FiscalParser:
    title = "NF-e, CT-e, MDF-e, NFS-e (XML)"
    content_type = "application/xml"
    extensions = (".xml",)

    def accepts(self, sniffed: Sniffed) -> int | None:
        head = sniffed.head.replace(b"\0", b"")
        return 60 if head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<") and NAMESPACE.search(head) else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        root = parse_any(path.read_bytes())
        lines = [clean(line) for line in _Print(root).lines()]
        yield from pages([(part, None) for part in stretches(lines)], context.max_pages)


class _Print:
    """One document on its way to paper; `done` are the elements that stand there already."""

    def __init__(self, root: etree._Element):
        self._root = root
        self._done: set[etree._Element] = set()

    def lines(self) -> Iterator[str]:
        prefix, title = self._family()
        yield title
        body = next(
            (
                node
                for node in self._root.iter("{*}infNFe", "{*}infCte", "{*}infMDFe", "{*}infNFSe", "{*}infDPS")
                if node.get("Id")
            ),
            None,
        )
        if body is not None:
            yield f"Chave de acesso: {body.get('Id').removeprefix(prefix)}"
        for node in self._root.iter("{*}chNFe", "{*}chCTe", "{*}chMDFe"):
            if _name(node.getparent()) in ("infProt", "infEvento"):
                self._done.add(node)
                if body is None:
                    body = node
                    yield f"Chave de acesso: {_text(node)}"
        for node in self._root.iter(*(f"{{*}}{name}" for name in BEHIND_KEY)):
            self._done.add(node)
            yield self._line(node)
        yield from self._group(self._root)

    def _family(self) -> tuple[str, str]:
        for node in self._root.iter():
            if (namespace := etree.QName(node).namespace) in FAMILIES:
                return FAMILIES[namespace]
        raise DamagedDocument("The file is no fiscal document, though its beginning says so.")

    def _group(self, group: etree._Element) -> Iterator[str]:
        """The lines of everything in a group, children of one name that make a table together."""
        later = AFTER.get(_name(group), ())
        for name, children in groupby(sorted(group, key=lambda node: _name(node) in later), key=_name):
            nodes = list(children)
            if name in TABLES:
                yield TITLES[name]
                yield from self._table(name, nodes)
            else:
                for node in nodes:
                    yield from self._element(node, name)

    def _element(self, node: etree._Element, name: str) -> Iterator[str]:
        if node.tag == SIGNATURE or node in self._done:
            return
        if name in HEADINGS:
            yield HEADINGS[name]
        yield from (f"{LABELS.get(key, key)}: {value}" for key, value in node.attrib.items() if key != "Id" and value.strip())
        if len(node):
            yield from self._group(node)
        elif _text(node) and not (name in ADDRESS and node.getparent().find("{*}xLgr") is not None):
            yield self._line(node)

    def _table(self, name: str, rows: list[etree._Element]) -> Iterator[str]:
        columns = [(title, cells) for title, place in TABLES[name] if any(cells := [self._cell(row, place) for row in rows])]
        if not columns:
            return
        yield " | ".join(title for title, _ in columns)
        for place in range(len(rows)):
            yield " | ".join(cells[place] for _, cells in columns)
        for number, row in enumerate(rows, 1):
            if rest := "; ".join(self._rest(row)):
                yield f"Item {row.get('nItem', number)}: {rest}"

    def _cell(self, row: etree._Element, place: str) -> str:
        if place.startswith("@"):
            return row.get(place[1:], "")
        node = row.find("/".join(step if step == "*" else f"{{*}}{step}" for step in place.split("/")))
        if node is None:
            return ""
        self._done.add(node)
        return printed(_name(node), _text(node))

    def _rest(self, row: etree._Element) -> Iterator[str]:
        """What the table has no column for."""
        for node in row.iter():
            if isinstance(node.tag, str) and not len(node) and node not in self._done and _text(node):
                yield self._line(node)

    def _line(self, node: etree._Element) -> str:
        name = _name(node)
        value = printed(name, _text(node))
        if name == "xLgr":
            rest = (node.getparent().find(f"{{*}}{part}") for part in ADDRESS)
            value = ", ".join((value, *(_text(part) for part in rest if part is not None and _text(part))))
        if meaning := MEANINGS.get(name, {}).get(value):
            value = f"{value} - {meaning}"
        return f"{_label(node, name)}: {value}"


def _label(node: etree._Element, name: str) -> str:
    parent = _name(node.getparent())
    label = LABELS.get(f"{parent}/{name}")
    if label is None and name in OF_TAX:
        tax = next((found for above in node.iterancestors() if (found := _name(above)) in TAXES), None)
        label = f"{OF_TAX[name]} do {tax}" if tax else None
    if label is None:
        label = LABELS.get(name)
    if label is None:
        return f"{parent}.{name}"
    if name in OWN:
        owner = next((PARTIES[found] for above in node.iterancestors() if (found := _name(above)) in PARTIES), None)
        return f"{label} {owner}" if owner else label
    return label


def _name(node: etree._Element) -> str:
    return etree.QName(node).localname


def _text(node: etree._Element) -> str:
    return " ".join((node.text or "").split())


PARSERS = (FiscalParser(),)
