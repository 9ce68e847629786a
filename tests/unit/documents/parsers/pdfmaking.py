"""PDFs written byte by byte, for what no library makes."""

import zlib
from pathlib import Path

HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def assembled(path: Path, *objects: bytes, trailer: bytes = b"") -> Path:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    data = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % place for place in places)
    data += b"trailer <</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    path.write_bytes(data)
    return path


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(content), content)


def one_page(path: Path, content: bytes, *more: bytes, catalogue: bytes = b"", resources: bytes = b"", page: bytes = b"") -> Path:
    """A page of 300 × 200 points with Helvetica as F1, and objects from number 6 on, the first of which may be a font, F2."""
    return assembled(
        path,
        b"<</Type/Catalog/Pages 2 0 R%s>>" % catalogue,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R/F2 6 0 R>>%s>>%s>>"
        % (resources, page),
        stream(content),
        HELVETICA,
        *more,
    )


def packed(*objects: tuple[int, bytes]) -> bytes:
    """An object stream (PDF 1.7, 7.5.7) of numbered objects."""
    numbers, bodies, place = [], [], 0
    for number, content in objects:
        numbers.append(b"%d %d" % (number, place))
        bodies.append(content)
        place += len(content) + 1
    head = b" ".join(numbers) + b" "
    body = zlib.compress(head + b" ".join(bodies))
    entries = b"/Type/ObjStm/N %d/First %d/Filter/FlateDecode" % (len(objects), len(head))
    return stream(body, entries)
