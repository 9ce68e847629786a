"""Files inside a PDF: attachments of the document and of its pages, and the data of XFA forms."""

import ctypes
from collections.abc import Callable, Iterator

import pypdfium2.raw as pdfium_c
from pypdfium2 import PdfDocument

from documents.parsed import Attachment, Notice

MAX_FILES = 200
MAX_BYTES = 64 << 20  # of one file
MAX_NAME = 2_000  # bytes
DATASETS = "datasets"  # the packet that holds what was filled in (XFA 3.3, chapter 3)
SHELL = (
    "The PDF is an XFA form, which only Adobe's programs draw: its pages may show a request to open it there. "
    "What was filled in follows as a document of its own, when there is any."
)


def embedded_files(document: PdfDocument) -> Iterator[Attachment | Notice]:
    """The embedded files of the document."""
    count = pdfium_c.FPDFDoc_GetAttachmentCount(document)
    for index in range(min(count, MAX_FILES)):
        file = pdfium_c.FPDFDoc_GetAttachment(document, index)
        if file:
            yield attached(file, index + 1)
    if count > MAX_FILES:
        yield Notice("attachment_unread", f"The PDF holds {count} files; the first {MAX_FILES} were looked at.")


def attached(file: object, number: int) -> Attachment | Notice:
    """One embedded file, or why it is not read; `number` stands in for a missing name."""
    name = utf16(lambda buffer, size: pdfium_c.FPDFAttachment_GetName(file, buffer, size), MAX_NAME) or f"attachment {number}"
    content = sized(lambda buffer, size, needed: pdfium_c.FPDFAttachment_GetFile(file, buffer, size, needed))
    if content is None:
        return Notice("attachment_unread", f"The attached file {number} is damaged or larger than {MAX_BYTES >> 20} MiB.")
    return Attachment(name, content)


def form_data(document: PdfDocument) -> Iterator[Attachment | Notice]:
    """For a form that XFA alone describes: a notice, and its data. (Others have fields that PDFium knows, too.)"""
    if document.get_formtype() != pdfium_c.FORMTYPE_XFA_FULL:
        return
    yield Notice("xfa_form", SHELL)
    for index in range(min(max(0, pdfium_c.FPDF_GetXFAPacketCount(document)), MAX_FILES)):
        name = _packet_name(document, index)
        if name == DATASETS:
            content = sized(
                lambda buffer, size, needed, index=index: pdfium_c.FPDF_GetXFAPacketContent(document, index, buffer, size, needed)
            )
            if content:
                yield Attachment("form data.xml", content)


def _packet_name(document: PdfDocument, index: int) -> str:
    size = min(pdfium_c.FPDF_GetXFAPacketName(document, index, None, 0), MAX_NAME)
    buffer = ctypes.create_string_buffer(max(1, size))
    pdfium_c.FPDF_GetXFAPacketName(document, index, buffer, size)
    return buffer.value.decode("utf-8", "replace")


def utf16(ask: Callable[[object, int], int], limit: int) -> str:
    """PDFium's way with texts: asked for the size in bytes first, then for that many of UTF-16 with a zero at the end."""
    size = min(ask(None, 0), limit)
    if size <= 2:
        return ""
    buffer = (ctypes.c_ushort * ((size + 1) // 2))()
    ask(buffer, ctypes.sizeof(buffer))
    return bytes(buffer).decode("utf-16-le", "replace").split("\0", 1)[0]


def sized(ask: Callable[[object, int, object], int]) -> bytes | None:
    """PDFium's way with bytes: asked for their number first. None when there are none, or too many."""
    needed = ctypes.c_ulong()
    if not ask(None, 0, needed) or needed.value > MAX_BYTES:
        return None
    buffer = ctypes.create_string_buffer(max(1, needed.value))
    return buffer.raw[: needed.value] if ask(buffer, needed.value, needed) else None
