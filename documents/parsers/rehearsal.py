"""What readers build at their first use, built once in the process that forks: its children find it ready.

The engine of recognition takes half a second to load; the first page of the first PDF a third longer than each later one.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from documents.parsers import ocr
from documents.parsers.base import Context
from documents.parsers.pdf import PdfParser

_TEXT = b"BT /F 9 Tf 20 170 Td (Valor total da nota) Tj 0 -12 Td (1.234,56) Tj 90 40 Td (10/03/2026) Tj ET 10 150 180 30 re S"
_OBJECTS = (
    b"<</Type/Catalog/Pages 2 0 R>>",
    b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
    b"<</Length %d>>stream\n%s\nendstream" % (len(_TEXT), _TEXT),
    b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
)


def warm(context: Context, folder: str) -> None:
    """Loads the engines that there are, and reads a page of our own, which is put into `folder` meanwhile."""
    ocr.warm(context.ocr_languages, second=context.second_engine)
    with TemporaryDirectory(dir=folder) as made:
        specimen = Path(made) / "specimen.pdf"
        specimen.write_bytes(b"".join(_file()))
        for _ in PdfParser().parse(specimen, context):
            pass


def _file() -> Iterator[bytes]:
    """A PDF of one page (ISO 32000-1, 7.5: header, objects, cross-reference table, trailer)."""
    yield (header := b"%PDF-1.4\n")
    places, position = [], len(header)
    for number, content in enumerate(_OBJECTS, 1):
        yield (written := b"%d 0 obj%s\nendobj\n" % (number, content))
        places.append(position)
        position += len(written)
    yield b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    yield from (b"%010d 00000 n \n" % place for place in places)
    yield b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, position)
