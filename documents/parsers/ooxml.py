"""What DOCX, PPTX and XLSX have in common: parts that name each other by relationships (ECMA-376 part 2).

Tags and attributes are compared by local name: the strict variant has other namespaces.
"""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lxml import etree

from core.errors import DamagedDocument
from documents.parsed import Notice
from documents.parsers.archives import Archive

OFF = ("0", "false", "off", "none")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Relation:
    """`kind` is the last word of the relationship's type (`image`, `slide`, `comments`); `target` a member of the archive."""

    id: str
    kind: str
    target: str


def relations(archive: Archive, part: str) -> list[Relation]:
    """What a part refers to, of what the archive holds; "" is the package itself. Nothing when that list is damaged."""
    folder, name = posixpath.split(part)
    listing = posixpath.join(folder, "_rels", f"{name}.rels")
    if listing not in archive.names:
        return []
    try:
        root = archive.xml(listing)
    except DamagedDocument:
        return []
    found = []
    for node in root:
        target = posixpath.normpath(posixpath.join("/", folder, node.get("Target", ""))).lstrip("/")
        if target in archive.names and node.get("TargetMode") != "External":
            found.append(Relation(node.get("Id", ""), node.get("Type", "").rpartition("/")[2], target))
    return found


def main_part(archive: Archive, usual: str) -> str:
    """The part that the package calls its document, else the one of the usual name. Raises DamagedDocument."""
    for relation in relations(archive, ""):
        if relation.kind == "officeDocument":
            return relation.target
    if usual in archive.names:
        return usual
    raise DamagedDocument("The file is damaged: its text is missing.")


def guarded(read: Callable[[], T], default: T, part: str, notices: list[Notice]) -> T:
    """A damaged side part costs a notice, not the document."""
    try:
        return read()
    except DamagedDocument:
        notices.append(Notice("part_damaged", f"A part of the document ({part}) is damaged and was not read."))
        return default


def pictures_unread(count: int) -> list[Notice]:
    """What the answer says of pictures inside the document."""
    if not count:
        return []
    counted = f"{count} pictures" if count > 1 else "One picture"
    return [Notice("pictures_unread", f"{counted} inside the document {'were' if count > 1 else 'was'} not read.")]


def local(node: etree._Element) -> str:
    """The tag without its namespace."""
    tag = node.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(node: etree._Element, name: str) -> str:
    """An attribute by its local name, "" when there is none."""
    value = node.get(name)
    if value is not None:
        return value
    return next((value for key, value in node.attrib.items() if key.rpartition("}")[2] == name), "")


def is_on(node: etree._Element | None) -> bool:
    """True for a switch that is there and is not set to off."""
    return node is not None and attribute(node, "val").lower() not in OFF
