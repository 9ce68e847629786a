"""What lies on a PDF page beside its words, and in which order it was painted: pictures, painted areas."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import pypdfium2.raw as pdfium_c
from pypdfium2 import PdfPage

from documents.parsed import Box
from documents.parsers import pdfcalls
from documents.parsers.pdftext import Shown

Edges = tuple[float, float, float, float]  # (left, bottom, right, top) in user space
Matrix = tuple[float, float, float, float, float, float]

MAX_OBJECTS = 20_000  # a drawing with more is looked at no further: what it covers is not known then
MAX_DEPTH = 4  # forms within forms
THIN = 4.0  # points: what is narrower is a line, and covers no word
TEXT, PATH, IMAGE, SHADING, FORM = (
    pdfium_c.FPDF_PAGEOBJ_TEXT, pdfium_c.FPDF_PAGEOBJ_PATH, pdfium_c.FPDF_PAGEOBJ_IMAGE, pdfium_c.FPDF_PAGEOBJ_SHADING,
    pdfium_c.FPDF_PAGEOBJ_FORM,
)  # fmt: skip


class Area(NamedTuple):
    """A box painted as object number `order`; `colour` is None where it is no single one."""

    box: Box
    order: int
    colour: tuple[int, int, int, int] | None


class Picture(NamedTuple):
    """A picture painted as object number `order`; `pixels` are its own, `share` is its part of the page's area."""

    box: Box
    order: int
    pixels: tuple[int, int]
    share: float


@dataclass(slots=True)
class Scene:
    """The objects of a page; `orders` tells when a text object was painted, `nested` are those within forms."""

    pictures: list[Picture] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    orders: dict[int, int] = field(default_factory=dict)
    nested: set[int] = field(default_factory=set)


def scene(page: PdfPage, shown: Shown) -> Scene:
    """Looks over the objects of a page, those inside forms too."""
    found = Scene()
    handle = pdfcalls.address(page.raw)
    whole = max(1.0, shown.width * shown.height)
    for order, (item, kind, matrix) in enumerate(islice(_objects(handle), MAX_OBJECTS)):
        if kind == TEXT:
            found.orders[item] = order
            if matrix is not None:
                found.nested.add(item)
        elif kind != FORM and (edges := pdfcalls.bounds(item)):
            thin = kind == PATH and matrix is None and (edges[2] - edges[0] < THIN or edges[3] - edges[1] < THIN)
            if not thin and (box := shown.place(*(edges if matrix is None else _moved(edges, matrix)))):
                _add(found, item, kind, order, box, (box[2] - box[0]) * (box[3] - box[1]) / whole)
    return found


def _add(found: Scene, item: int, kind: int, order: int, box: Box, share: float) -> None:
    if kind == IMAGE:
        found.pictures.append(Picture(box, order, pdfcalls.pixel_size(item), share))
    elif kind == SHADING:
        found.areas.append(Area(box, order, None))
    elif box[2] - box[0] >= THIN <= box[3] - box[1] and pdfcalls.is_filled(item):
        found.areas.append(Area(box, order, pdfcalls.fill_colour(item)))


def _objects(page: int) -> Iterator[tuple[int, int, Matrix | None]]:
    """(object, kind, matrix of the form it is in) in the order of painting; those of a form follow it."""
    for index in range(pdfcalls.count_objects(page)):
        item = pdfcalls.page_object(page, index)
        kind = pdfcalls.object_type(item)
        yield item, kind, None
        if kind == FORM:
            yield from _members(item, None, 1)


def _members(form: int, outer: Matrix | None, depth: int) -> Iterator[tuple[int, int, Matrix | None]]:
    matrix = _times(pdfcalls.matrix(form), outer)
    for index in range(pdfcalls.count_members(form)):
        item = pdfcalls.member(form, index)
        kind = pdfcalls.object_type(item)
        yield item, kind, matrix
        if kind == FORM and depth < MAX_DEPTH:
            yield from _members(item, matrix, depth + 1)


def _times(first: Matrix | None, then: Matrix | None) -> Matrix:
    if first is None or then is None:
        return first or then or (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    a, b, c, d, e, f = first
    p, q, r, s, x, y = then
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + x, e * q + f * s + y


def _moved(edges: Edges, matrix: Matrix) -> Edges:
    a, b, c, d, e, f = matrix
    left, bottom, right, top = edges
    xs = [a * x + c * y + e for x in (left, right) for y in (bottom, top)]
    ys = [b * x + d * y + f for x in (left, right) for y in (bottom, top)]
    return min(xs), min(ys), max(xs), max(ys)
