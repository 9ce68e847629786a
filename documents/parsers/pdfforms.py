"""What stands on a PDF page beside its content: form fields with their states, notes, comments and stamps."""

from collections.abc import Iterator
from typing import NamedTuple

import pypdfium2.raw as pdfium_c
from pypdfium2 import PdfDocument, PdfPage

from documents.parsed import Attachment, Box, Notice
from documents.parsers.hidden import visible
from documents.parsers.layout import Placed
from documents.parsers.pdffiles import attached, utf16
from documents.parsers.pdftext import Shown, drawn_words, raw_text

MAX_ANNOTATIONS = 2_000
MAX_VALUE = 8_000  # bytes
MAX_OPTIONS = 1_000
FACELESS = frozenset({
    pdfium_c.FPDF_ANNOT_LINK, pdfium_c.FPDF_ANNOT_POPUP, pdfium_c.FPDF_ANNOT_SOUND, pdfium_c.FPDF_ANNOT_MOVIE,
    pdfium_c.FPDF_ANNOT_SCREEN, pdfium_c.FPDF_ANNOT_PRINTERMARK, pdfium_c.FPDF_ANNOT_TRAPNET, pdfium_c.FPDF_ANNOT_WATERMARK,
})  # fmt: skip
NOT_SHOWN = pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW
TICKED = frozenset({pdfium_c.FPDF_FORMFIELD_CHECKBOX, pdfium_c.FPDF_FORMFIELD_RADIOBUTTON})
CHOICES = frozenset({pdfium_c.FPDF_FORMFIELD_COMBOBOX, pdfium_c.FPDF_FORMFIELD_LISTBOX})
PASSWORD = 1 << 13  # field flag of a text field that nobody may read over a shoulder (PDF 1.7, table 228)
HIDDEN = "in fields and notes that are not shown"


class Beside(NamedTuple):
    """Words of annotations, the files attached to them, and how many characters of them are not shown."""

    words: list[Placed]
    files: list[Attachment | Notice]
    hidden: int


def annotations(document: PdfDocument, page: PdfPage, number: int, shown: Shown, line: int) -> Beside:
    """Fields (`label: value`, `[x] label`) and comments, each on a line of its own from `line` on, with the box of the whole."""
    words: list[Placed] = []
    files: list[Attachment | Notice] = []
    stamps: list[Box] = []
    hidden = 0
    for annotation in _annotations(page):
        subtype = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        if subtype == pdfium_c.FPDF_ANNOT_FILEATTACHMENT and (file := pdfium_c.FPDFAnnot_GetFileAttachment(annotation)):
            files.append(attached(file, len(files) + 1))
        text = _field(document, annotation) if subtype == pdfium_c.FPDF_ANNOT_WIDGET else _comment(annotation, subtype)
        text, unseen = visible("".join(letter if letter.isprintable() else "\n" for letter in text))
        hidden += unseen
        box = _box(annotation, shown)
        if box is None or pdfium_c.FPDFAnnot_GetFlags(annotation) & NOT_SHOWN:
            hidden += len("".join(text.split()))
            continue
        if subtype == pdfium_c.FPDF_ANNOT_STAMP and not text:
            stamps.append(box)
        for part in text.splitlines():
            words += (Placed(word, *box, line) for word in part.split())
            line += 1
    if stamps:
        words += _stamped(document, number, shown, stamps, line)
    return Beside(words, files, hidden)


def _annotations(page: PdfPage) -> Iterator[object]:
    for index in range(min(pdfium_c.FPDFPage_GetAnnotCount(page), MAX_ANNOTATIONS)):
        if annotation := pdfium_c.FPDFPage_GetAnnot(page, index):
            try:
                yield annotation
            finally:
                pdfium_c.FPDFPage_CloseAnnot(annotation)


def _field(document: PdfDocument, annotation: object) -> str:
    if document.formenv is None:
        return ""
    form = document.formenv.raw
    kind = pdfium_c.FPDFAnnot_GetFormFieldType(form, annotation)
    label = utf16(lambda *into: pdfium_c.FPDFAnnot_GetFormFieldAlternateName(form, annotation, *into), MAX_VALUE)
    label = label or utf16(lambda *into: pdfium_c.FPDFAnnot_GetFormFieldName(form, annotation, *into), MAX_VALUE)
    if kind in TICKED:
        ticked = pdfium_c.FPDFAnnot_IsChecked(form, annotation)
        choice = utf16(lambda *into: pdfium_c.FPDFAnnot_GetFormFieldExportValue(form, annotation, *into), MAX_VALUE)
        told = f"{label}: {choice}" if kind == pdfium_c.FPDF_FORMFIELD_RADIOBUTTON and choice and label else label or choice
        return f"[{'x' if ticked else ' '}] {told}"
    if kind in CHOICES:
        value = ", ".join(_selected(form, annotation)) or _value(form, annotation)
    elif kind == pdfium_c.FPDF_FORMFIELD_TEXTFIELD:
        value = "" if pdfium_c.FPDFAnnot_GetFormFieldFlags(form, annotation) & PASSWORD else _value(form, annotation)
    else:
        return ""
    return f"{label}: {value}" if label and value else value


def _value(form: object, annotation: object) -> str:
    return utf16(lambda *into: pdfium_c.FPDFAnnot_GetFormFieldValue(form, annotation, *into), MAX_VALUE).strip()


def _selected(form: object, annotation: object) -> Iterator[str]:
    for index in range(min(pdfium_c.FPDFAnnot_GetOptionCount(form, annotation), MAX_OPTIONS)):
        if pdfium_c.FPDFAnnot_IsOptionSelected(form, annotation, index):
            yield utf16(lambda *into, at=index: pdfium_c.FPDFAnnot_GetOptionLabel(form, annotation, at, *into), MAX_VALUE)


def _comment(annotation: object, subtype: int) -> str:
    if subtype in FACELESS:
        return ""
    return utf16(lambda *into: pdfium_c.FPDFAnnot_GetStringValue(annotation, b"Contents", *into), MAX_VALUE).strip()


def _stamped(document: PdfDocument, number: int, shown: Shown, stamps: list[Box], line: int) -> list[Placed]:
    """What is written on stamps without words of their own. PDFium knows only the text of pages: so a copy of the page is
    made, of which they become a part."""
    copy = PdfDocument.new()
    try:
        copy.import_pages(document, [number - 1])
        page = copy[0]
        pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY)
        page.close()
        textpage = copy[0].get_textpage()
        words = drawn_words(textpage, raw_text(textpage), shown).words
    finally:
        copy.close()
    inside = [word for word in words if any(_within(word, stamp) for stamp in stamps)]
    return [word._replace(line=line + word.line) for word in inside]


def _within(word: Placed, box: Box) -> bool:
    return box[0] <= word.x0 and word.x1 <= box[2] + 1 and box[1] - 1 <= word.y0 and word.y1 <= box[3] + 1


def _box(annotation: object, shown: Shown) -> Box | None:
    rect = pdfium_c.FS_RECTF()
    if not pdfium_c.FPDFAnnot_GetRect(annotation, rect):
        return None
    return shown.place(rect.left, rect.bottom, rect.right, rect.top)
