"""PDFium's functions that are asked thousands of times a page, at two thirds of the price of the usual bindings.

Handles and out-parameters are plain addresses here, and the interpreter lock is kept: a reader's process has one thread.
"""

import ctypes
from collections.abc import Callable
from ctypes import c_float, c_int, c_uint, c_void_p

import pypdfium2.raw as pdfium_c


def address(handle: object) -> int:
    """The address of a handle of the usual bindings."""
    return ctypes.cast(handle, c_void_p).value or 0


def _lean(function: object, result: type | None, *arguments: type) -> Callable[..., int]:
    return ctypes.PYFUNCTYPE(result, *arguments)(address(function))


_P = c_void_p
loose_char_box = _lean(pdfium_c.FPDFText_GetLooseCharBox, c_int, _P, c_int, _P)
text_object = _lean(pdfium_c.FPDFText_GetTextObject, _P, _P, c_int)
render_mode = _lean(pdfium_c.FPDFTextObj_GetTextRenderMode, c_int, _P)
count_objects = _lean(pdfium_c.FPDFPage_CountObjects, c_int, _P)
page_object = _lean(pdfium_c.FPDFPage_GetObject, _P, _P, c_int)
object_type = _lean(pdfium_c.FPDFPageObj_GetType, c_int, _P)
count_members = _lean(pdfium_c.FPDFFormObj_CountObjects, c_int, _P)
member = _lean(pdfium_c.FPDFFormObj_GetObject, _P, _P, c_uint)
_bounds = _lean(pdfium_c.FPDFPageObj_GetBounds, c_int, _P, _P, _P, _P, _P)
_matrix = _lean(pdfium_c.FPDFPageObj_GetMatrix, c_int, _P, _P)
_fill = _lean(pdfium_c.FPDFPageObj_GetFillColor, c_int, _P, _P, _P, _P, _P)
_stroke = _lean(pdfium_c.FPDFPageObj_GetStrokeColor, c_int, _P, _P, _P, _P, _P)
_draw_mode = _lean(pdfium_c.FPDFPath_GetDrawMode, c_int, _P, _P, _P)
_pixels = _lean(pdfium_c.FPDFImageObj_GetImagePixelSize, c_int, _P, _P, _P)
set_active = _lean(pdfium_c.FPDFPageObj_SetIsActive, c_int, _P, c_int)
unmapped = _lean(pdfium_c.FPDFText_HasUnicodeMapError, c_int, _P, c_int)
_count_marks = _lean(pdfium_c.FPDFPageObj_CountMarks, c_int, _P)
_mark = _lean(pdfium_c.FPDFPageObj_GetMark, _P, _P, c_uint)
_mark_name = _lean(pdfium_c.FPDFPageObjMark_GetName, c_int, _P, _P, c_uint, _P)

MAX_MARKS = 16
OPTIONAL = "OC\0".encode("utf-16-le")
_FLOATS, _WORDS = (c_float * 6)(), (c_uint * 4)()
_AT_FLOATS = [ctypes.addressof(_FLOATS) + 4 * index for index in range(6)]
_AT_WORDS = [ctypes.addressof(_WORDS) + 4 * index for index in range(4)]


def bounds(handle: int) -> tuple[float, float, float, float] | None:
    """(left, bottom, right, top) of a page object, in the space that it was drawn in."""
    return tuple(_FLOATS[:4]) if _bounds(handle, *_AT_FLOATS[:4]) else None


def matrix(handle: int) -> tuple[float, float, float, float, float, float] | None:
    """(a, b, c, d, e, f): x' = a·x + c·y + e, y' = b·x + d·y + f (PDF 1.7, 8.3.3)."""
    return tuple(_FLOATS[:6]) if _matrix(handle, _AT_FLOATS[0]) else None


def fill_colour(handle: int) -> tuple[int, int, int, int] | None:
    """(red, green, blue, alpha), 0..255; None when it is a pattern."""
    return tuple(_WORDS) if _fill(handle, *_AT_WORDS) else None


def stroke_colour(handle: int) -> tuple[int, int, int, int] | None:
    """As `fill_colour`."""
    return tuple(_WORDS) if _stroke(handle, *_AT_WORDS) else None


def is_filled(handle: int) -> bool:
    """True for a path whose inside is painted."""
    return bool(_draw_mode(handle, _AT_WORDS[0], _AT_WORDS[1]) and _WORDS[0])


def pixel_size(handle: int) -> tuple[int, int]:
    """Width and height of a picture in its own pixels."""
    return (_WORDS[0], _WORDS[1]) if _pixels(handle, _AT_WORDS[0], _AT_WORDS[1]) else (0, 0)


def is_optional(handle: int) -> bool:
    """True for an object of a layer: marked content with the tag OC (PDF 1.7, 8.11.3.2)."""
    for index in range(min(_count_marks(handle), MAX_MARKS)):
        name = (ctypes.c_ushort * 4)()
        known = _mark_name(_mark(handle, index), ctypes.addressof(name), ctypes.sizeof(name), _AT_WORDS[0])
        if known and bytes(name).startswith(OPTIONAL):
            return True
    return False
