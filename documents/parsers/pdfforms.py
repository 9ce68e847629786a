"""What stands on a PDF page beside its content: filled form fields, and the text of notes and comments."""

import ctypes
from collections.abc import Callable, Iterator

import pypdfium2.raw as pdfium_c
from pypdfium2 import PdfDocument, PdfPage

from documents.parsers.layout import Placed
from documents.parsers.pdftext import Shown

MAX_ANNOTATIONS = 2_000
MAX_VALUE = 4_000  # characters
COMMENTS = frozenset({pdfium_c.FPDF_ANNOT_FREETEXT, pdfium_c.FPDF_ANNOT_TEXT, pdfium_c.FPDF_ANNOT_HIGHLIGHT})
UNFILLED = frozenset({"", "Off"})
VALUED = frozenset({
    pdfium_c.FPDF_FORMFIELD_TEXTFIELD, pdfium_c.FPDF_FORMFIELD_COMBOBOX, pdfium_c.FPDF_FORMFIELD_LISTBOX,
    pdfium_c.FPDF_FORMFIELD_CHECKBOX, pdfium_c.FPDF_FORMFIELD_RADIOBUTTON,
})  # fmt: skip


def annotation_words(document: PdfDocument, page: PdfPage, shown: Shown, line: int) -> list[Placed]:
    """Words of fields (`label: value`) and comments, each on a line of its own from `line` on, with the box of the whole."""
    words: list[Placed] = []
    for text, box in _texts(document, page, shown):
        for part in text.splitlines():
            words += (Placed(word, *box, line) for word in part.split())
            line += 1
    return words


def _texts(document: PdfDocument, page: PdfPage, shown: Shown) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    for index in range(min(pdfium_c.FPDFPage_GetAnnotCount(page), MAX_ANNOTATIONS)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            text, box = _text(document, annotation), _box(annotation, shown)
        finally:
            pdfium_c.FPDFPage_CloseAnnot(annotation)
        if text and box:
            yield text, box


def _text(document: PdfDocument, annotation: object) -> str:
    subtype = pdfium_c.FPDFAnnot_GetSubtype(annotation)
    if subtype in COMMENTS:
        return _string(lambda buffer, size: pdfium_c.FPDFAnnot_GetStringValue(annotation, b"Contents", buffer, size))
    if subtype != pdfium_c.FPDF_ANNOT_WIDGET or document.formenv is None:
        return ""
    form = document.formenv.raw
    if pdfium_c.FPDFAnnot_GetFormFieldType(form, annotation) not in VALUED:
        return ""
    value = _string(lambda buffer, size: pdfium_c.FPDFAnnot_GetFormFieldValue(form, annotation, buffer, size))
    if value in UNFILLED:
        return ""
    label = _string(lambda buffer, size: pdfium_c.FPDFAnnot_GetFormFieldAlternateName(form, annotation, buffer, size))
    label = label or _string(lambda buffer, size: pdfium_c.FPDFAnnot_GetFormFieldName(form, annotation, buffer, size))
    return f"{label}: {value}" if label else value


def _string(ask: Callable[[object, int], int]) -> str:
    """PDFium's way: ask for the size in bytes, then for that many of UTF-16 with a zero at the end."""
    size = min(ask(None, 0), 2 * MAX_VALUE)
    if size <= 2:
        return ""
    buffer = (ctypes.c_ushort * ((size + 1) // 2))()
    ask(buffer, ctypes.sizeof(buffer))
    text = bytes(buffer).decode("utf-16-le", "replace").split("\0", 1)[0]
    return "".join(character if character.isprintable() else "\n" for character in text).strip()


def _box(annotation: object, shown: Shown) -> tuple[float, float, float, float] | None:
    rect = pdfium_c.FS_RECTF()
    if not pdfium_c.FPDFAnnot_GetRect(annotation, rect):
        return None
    return shown.place(rect.left, rect.bottom, rect.right, rect.top)
