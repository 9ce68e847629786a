"""What stands on a PDF page beside its content: form fields with their states, notes, comments and stamps."""

from collections.abc import Iterator
from typing import NamedTuple

import pypdfium2.raw as pdfium_c
from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

from documents.parsed import Attachment, Box, Notice
from documents.parsers.hidden import visible
from documents.parsers.layout import Placed
from documents.parsers.pdffiles import attached, utf16
from documents.parsers.pdftext import Shown

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


def annotations(document: PdfDocument, page: PdfPage, shown: Shown, line: int) -> Beside:
    """Fields (`label: value`, `[x] label`) and comments, each on a line of its own from `line` on, with the box of the whole."""
    words: list[Placed] = []
    files: list[Attachment | Notice] = []
    hidden = 0
    for annotation in _annotations(page):
        subtype = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        if subtype == pdfium_c.FPDF_ANNOT_FILEATTACHMENT and (file := pdfium_c.FPDFAnnot_GetFileAttachment(annotation)):
            files.append(attached(file, len(files) + 1))
        text = _field(document, annotation) if subtype == pdfium_c.FPDF_ANNOT_WIDGET else _comment(page, annotation, subtype)
        text, unseen = visible("".join(letter if letter.isprintable() else "\n" for letter in text))
        hidden += unseen
        box = _box(annotation, shown)
        if box is None or pdfium_c.FPDFAnnot_GetFlags(annotation) & NOT_SHOWN:
            hidden += len("".join(text.split()))
            continue
        for part in text.splitlines():
            words += (Placed(word, *box, line) for word in part.split())
            line += 1
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


def _comment(page: PdfPage, annotation: object, subtype: int) -> str:
    """What a note, a comment or a stamp says; of a stamp without a word of its own, what is written on it."""
    if subtype in FACELESS:
        return ""
    said = utf16(lambda *into: pdfium_c.FPDFAnnot_GetStringValue(annotation, b"Contents", *into), MAX_VALUE).strip()
    return said or (_stamped(page, annotation) if subtype == pdfium_c.FPDF_ANNOT_STAMP else "")


def _stamped(page: PdfPage, annotation: object) -> str:
    textpage: PdfTextPage = page.get_textpage()
    try:
        parts = []
        for index in range(min(pdfium_c.FPDFAnnot_GetObjectCount(annotation), MAX_OPTIONS)):
            item = pdfium_c.FPDFAnnot_GetObject(annotation, index)
            if pdfium_c.FPDFPageObj_GetType(item) == pdfium_c.FPDF_PAGEOBJ_TEXT:
                parts.append(utf16(lambda *into, item=item: pdfium_c.FPDFTextObj_GetText(item, textpage, *into), MAX_VALUE))
        return " ".join(part.strip() for part in parts if part.strip())
    finally:
        textpage.close()


def _box(annotation: object, shown: Shown) -> Box | None:
    rect = pdfium_c.FS_RECTF()
    if not pdfium_c.FPDFAnnot_GetRect(annotation, rect):
        return None
    return shown.place(rect.left, rect.bottom, rect.right, rect.top)
