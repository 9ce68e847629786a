"""XML of any kind: the texts of its elements as `name: value` lines in their order, repeated ones as tables.

A DOCTYPE is refused: entities are how a small file becomes a large one or reaches for another.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from core.errors import DamagedDocument, DocumentTooComplex
from documents.parsed import Notice, Page, Total
from documents.parsers.archives import parse_xml
from documents.parsers.base import Context, Sniffed
from documents.parsers.charsets import decode
from documents.parsers.pagination import clean, pages, stretches
from documents.parsers.structures import Members, lines_of

DECLARED = re.compile(r"\s{0,200}<\?xml[^>]{0,200}\?>")
MAX_ATTRIBUTES = 1_000  # reading them takes time quadratic in their number
BEGINS = re.compile(rb"[\xef\xbb\xbf\xff\xfe\s]{0,200}<(?:\?xml[\s?]|[A-Za-z_][\w.-]{0,100}(?::[\w.-]{1,100})?[\s/>])")


class XmlParser:
    title = "XML"
    content_type = "application/xml"
    extensions = (".xml",)

    def accepts(self, sniffed: Sniffed) -> int | None:
        head = sniffed.head.replace(b"\0", b"")
        if not BEGINS.match(head):
            return None
        declared = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<?xml")
        return 20 if declared or b"xmlns" in head or sniffed.filename.lower().endswith(".xml") else None

    def parse(self, path: Path, context: Context) -> Iterator[Page | Notice | Total]:
        root = parse_any(path.read_bytes())
        lines = [clean(line) for line in lines_of(_value(root))]
        yield from pages([(part, None) for part in stretches(lines)], context.max_pages)


def parse_any(data: bytes) -> etree._Element:
    """The root of an XML file, also of one whose declared encoding is wrong. Raises DamagedDocument, DocumentTooComplex."""
    try:
        root = parse_xml(data)
    except DamagedDocument:
        text, _ = decode(data)
        root = parse_xml(DECLARED.sub("", clean(text.removeprefix("\ufeff")), count=1).encode("utf-8"))
    if any(len(node.attrib) > MAX_ATTRIBUTES for node in root.iter()):
        raise DocumentTooComplex(f"An element of the file has more than {MAX_ATTRIBUTES} attributes.")
    return root


def _value(node: etree._Element) -> object:
    """An element as text or as members; running text with elements in it stays running text."""
    children = [child for child in node if isinstance(child.tag, str)]
    attributes = [(etree.QName(name).localname, value) for name, value in node.attrib.items() if value.strip()]
    texts = [" ".join(text.split()) for text in (node.text, *(child.tail for child in node)) if text and text.strip()]
    if children and texts:
        return Members((*attributes, ("", " ".join(" ".join(node.itertext()).split()))))
    if not children:
        return (
            Members((*attributes, ("", texts[0])))
            if attributes and texts
            else Members(attributes)
            if attributes
            else "".join(texts)
        )
    named: list[tuple[str, list[object]]] = []
    for child in children:
        name = etree.QName(child).localname
        if not named or named[-1][0] != name:
            named.append((name, []))
        named[-1][1].append(_value(child))
    return Members((*attributes, *((name, values[0] if len(values) == 1 else values) for name, values in named)))


PARSERS = (XmlParser(),)
