"""Documents made in memory, with content that tests know."""

import base64
import io
import zipfile
from pathlib import Path

import reportlab
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen.canvas import Canvas

from documents.parsed import Notice, Page, Total
from documents.parsers import subdocuments
from documents.parsers.base import Context
from documents.parsers.registry import choose

A4 = (595.0, 842.0)
FONT = str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf")
SENTENCES = (
    "Nota fiscal de serviços número 4711", "Prestador: Padaria São João Ltda",
    "Registro 12.345.678/0001-95 emitido em 05/03/2026",
    "Descrição: pão francês, açúcar e café", "Valor total da nota: 1.234,56",
    "Obrigado pela preferência e volte sempre",
)  # fmt: skip


def heic() -> bytes:
    """A HEIC picture of 400×60 that says `Total 1.234,56`: no library that may be used here writes one."""
    return base64.b64decode(_HEIC)


def read(path: Path, context: Context | None = None, filename: str | None = None) -> tuple[list[Page], list[Notice], int | None]:
    """Pages, notices and total of a file, read by the reader that the registry chooses."""
    parts = list(choose(path, filename or path.name).parse(path, context or Context()))
    assert isinstance(parts[0], Total)
    pages = [part for part in parts if isinstance(part, Page)]
    return pages, [part for part in parts if isinstance(part, Notice)], parts[0].pages


def canvas(path: Path, pagesize: tuple[float, float] = A4, **options: object) -> Canvas:
    """A canvas that writes the same bytes for the same drawing."""
    return Canvas(str(path), pagesize=pagesize, invariant=1, **options)


def written(path: Path, lines: tuple[str, ...] = SENTENCES, *, size: int = 12) -> Path:
    """A PDF of one page with lines of text from the top left."""
    page = canvas(path)
    page.setFont("Helvetica", size)
    for row, line in enumerate(lines):
        page.drawString(72, 842 - 100 - 24 * row, line)
    page.save()
    return path


def picture(lines: tuple[str, ...] = SENTENCES, *, size: tuple[int, int] = (1100, 520), height: int = 32) -> Image.Image:
    """A grey picture of lines of text, about an inch of paper for 200 pixels."""
    image = Image.new("L", size, 255)
    draw, font = ImageDraw.Draw(image), ImageFont.truetype(FONT, height)
    for row, line in enumerate(lines):
        draw.text((60, 50 + row * 2 * height), line, fill=0, font=font)
    return image


def scan(path: Path, *images: Image.Image, pagesize: tuple[float, float] | None = None) -> Path:
    """A PDF whose pages hold nothing but a picture each, 200 pixels an inch."""
    page = canvas(path)
    for image in images:
        width, height = pagesize or (image.width * 72 / 200, image.height * 72 / 200)
        page.setPageSize((width, height))
        page.drawInlineImage(image, 0, 0, width, height)
        page.showPage()
    page.save()
    return path


def repacked(source: Path, target: Path, **parts: bytes) -> Path:
    """A copy of a zip with members replaced or added; `__` in a key stands for `/`."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        named = {key.replace("__", "/"): value for key, value in parts.items()}
        for member in old.namelist():
            new.writestr(member, named.pop(member, None) or old.read(member))
        for member, content in named.items():
            new.writestr(member, content)
    return target


def png(image: Image.Image, **options: object) -> bytes:
    """PNG bytes of a picture."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def word(page: Page, text: str):
    """The one word of a page that reads `text`."""
    found = [word for word in page.words if page.text[word.start : word.end] == text]
    assert len(found) == 1, (text, page.text)
    return found[0]


def everything(path: Path, context: Context | None = None) -> tuple[list[Page], list[Notice], list[int]]:
    """Pages, notices and totals of a file with everything that is attached to it."""
    items = list(subdocuments.read(path, choose(path, path.name), choose, context or Context()))
    pages = [item for item in items if isinstance(item, Page)]
    assert [page.number for page in pages] == sorted({page.number for page in pages})
    return pages, [item for item in items if isinstance(item, Notice)], [item.pages for item in items if isinstance(item, Total)]


_HEIC = (
    "AAAAHGZ0eXBoZWl4AAAAAG1pZjFoZWl4bWlhZgAAAXdtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAAAERAAAEA"
    "AQAAAAABmwABAAAAAAAABXAAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA92lwcnAAAADXaXBjbwAAAHJodmND"
    "AQQIAAAAn/gAAAAAHvAA/Pz4+AAADwNgAAEAF0ABDAH//wQIAAADAJ/4AAADAAAeugJAYQABACdCAQEECAAAAwCf+AAAAwAAHsAyIEFlurkprmwIAAADAMgA"
    "AAMACEBiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAAGQAAAAQAAAAChjbGFwAAABkAAAAAEAAAA8AAAAAQAAAAAAAAAC////"
    "/AAAAAIAAAAOcGl4aQAAAAABCAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAABXhtZGF0AAAFbCgBrjKFSxDisuOl8a51JUzqJgU+bQJpNL/SMcejC1fpZMMM"
    "vCtQZteK5SNizMbWXrq8GC7sR6zTGMwCjkKa+mKZEvIsxNV6vl9MEsN/DotDkX3rAILcGRuL7n57uVsoSm1bcsn58ao30xEM2ReSBJLvkmcm59io7Y54mqNL"
    "xeydn9c8NU0vDElcTSsNrFv5schuLOh8dlPtnwEVw8hJ1fH0XFi2xIy2akhV6p0oUIxeKgfL1LOou9ai6B1gXneIwsh7/K5BTG4ChCCrUZRWExix8yGCrNM8"
    "H8sCGJo/Atp19fxn1ddmE8/OWz5SSe62KEUr9aQVun8dvfJ0P4H8HbhRwW4eZUKDXH6thnXQWgxXar/vIhdUI7WKGRIKZIJ4+BCe9iSzs6SOKP5KU5CNKQSV"
    "GyQnLgdUpgopWiJ+PLZiOGHtqurS8X9AjM2lXc0D4VgQkJqcc50SfwugNl4X5/5qnPEjhKAHceQSq4MRyxt27IsE+sujVrgsoidak7VzqY+BcmlQ4OdTueAp"
    "Bu/iw8ewgpJtUgjYb/li035JmMf/xHuP/p8OZoM4GxtJn/WIsAI4dowESqeLHsP0GEBHWdjZY7y4n0hNa96KBmjLglADB9KOTbwQRnDGiP1+A772u8ALJ7CM"
    "yJZCNDbYZom9Q9VNQ3rN0uj6rtJBNYCaFlmq/bGNrjkWMmhFXj6wHM/Bqwr9U6nQoY9hrdGwkobAqySOvbtP9lMaMW8W0oXqsXvZZH5ggEsyueE5XnDRnOjG"
    "mBTn71JUCqAtuxBi7aoLTD/vz3K3zZwG+NfZZ8AYACigtSRbNoYBeDBt+RwnrEQQmfPQ0/0Cu+olu/2kjl5gW8C9lO8k+Y/UHGJ0voaUUjZvv3cnOAwn29b9"
    "gJJbE5766Ba0yktPRy4IiJu63/59gGS+dizYXsyjjDciUBHWkvoQOD2W6NJJgUgqsXJDK2dhi/c+DpyiO30N84wjg8t/5FeMfCAr7SNehXIoBAS9IQqLQhzX"
    "3prQPuZ5jxfWB7QDaaX4neQUtIQ//6NTmtnSzb3k9v5IY7a0Ze8BVphKcf9mKjcNuUUu/9+uUowTQQ+hGP1PoZ6yYxn+/O+2AbrcscJ/CI4xe48VHV+curO6"
    "Pf2KqhbS5ta2THcbO4MzlQAKvbkfsVDx6mkZZs+gj8Zscq3uO3O9bEQvgssU2gXvxvEIV1qr2h1goyflfvvQ6vSatGDMw4sO2/URjcOc/93wL58qXgzfdfXo"
    "w2rP5+FD+3wxhKywKNLoeqd/8dt0zeFau9/6PlH9SUx/uKyYVYLrVIyrP3f89yEdf3XhsTDx7FKbiGYOnW5+skgpMdEaoC1F6w57/9efEtqfcBSXK71OR9CT"
    "tvlY7fyYIbvAPJmQH7ZS/GbHjkAVRox2FSDF8nJH9epzEq2qHfm9tXGOraecA3VDctRH2vPl9FRCiOuZHEB6o++xN9SRhVCoJw6+BiC9BYJt5an+H6rQu6iT"
    "pF6O16sXSNdPHlY5OMWpGwwBDEmH4xwooIU0ovGAf2dZRu9lokjC5XsMiyeYIVh0KB6+1+xtn8gN6aeEFw8wleedNYMrSTIVExD5kqyEzcv56yYOvFBuYD/z"
    "4nTuUQ/fIYFofMM7U1llZ2bv/ao8Lsqcgz7Yfmtw0hgMZ8Yg95bjUMosgkxAeA3w5XvhMD6oj9T36p0lS0Qc8zqZj+GB3KO7Vel9vYNuzLLEocumnJDDKdwi"
    "o3lpnbAQr8lQ1aUkCNxON2Tx4wTly1Ax2V2HnLvKIJ2LS4Y7laGOxgqS/0LZgx2RmeafcJ+RGISl14Y6bgiMc05yfPGyQwvK2Rv7ufn9pL08bTuFDrARb2l+"
    "2pSA"
)  # fmt: skip
