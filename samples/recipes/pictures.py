"""`nota_escaneada.pdf` (the invoice from a scanner: askew, a little noise) and `teste.jpg` (a receipt, photographed)."""

import io
from pathlib import Path
from random import Random
from typing import Any

import pypdfium2
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader

from samples.recipes import nota, receipt
from samples.recipes.form import Sheet
from samples.recipes.people import GROCER

SCAN_DPI, SKEW_DEGREES = 200, 1.8
PHOTO = (1500, 2200)


def _picture(pdf: Path | bytes, dpi: int) -> Image.Image:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return document[0].render(scale=dpi / 72).to_pil()
    finally:
        document.close()


def _noise(size: tuple[int, int], strength: float, seed: int) -> Image.Image:
    """Grey around 128, ± `strength`; the same for the same seed on every machine."""
    grain = Image.frombytes("L", size, Random(seed).randbytes(size[0] * size[1]))
    return grain.point([round(128 + (value - 127.5) / 127.5 * strength) for value in range(256)])


def _grained(picture: Image.Image, strength: float, seed: int) -> Image.Image:
    grain = _noise(picture.size, strength, seed)
    bands = [ImageChops.add(band, grain, scale=1, offset=-128) for band in picture.split()]
    return Image.merge(picture.mode, bands)


def make_scan(folder: Path) -> dict[str, Any]:
    """Needs `nota.pdf` in `folder`."""
    page = _picture(folder / "nota.pdf", SCAN_DPI).convert("L")
    page = page.rotate(SKEW_DEGREES, Image.Resampling.BICUBIC, fillcolor=255)
    page = page.filter(ImageFilter.GaussianBlur(0.5)).point([round(18 + value * 0.9) for value in range(256)])
    jpeg = io.BytesIO()
    _grained(page, 7, seed=7).save(jpeg, "JPEG", quality=55)
    sheet = Sheet(folder / "nota_escaneada.pdf", "Digitalização")
    sheet.canvas.drawImage(ImageReader(jpeg), 0, 0, *A4)
    sheet.save()
    question = dict(nota.QUESTION)
    question["file"] = "nota_escaneada.pdf"
    return question


def make_photo(folder: Path) -> dict[str, Any]:
    paper = _picture(receipt.make(), 300).convert("RGB").point([round(value * 0.96) for value in range(256)] * 3)
    corners = [(235, 110), (1270, 98), (1310, 2090), (195, 2112)]
    table = _table()
    shadow = Image.new("L", PHOTO, 0)
    ImageDraw.Draw(shadow).polygon([(x + 26, y + 30) for x, y in corners], fill=150)
    table.paste((20, 14, 10), mask=shadow.filter(ImageFilter.GaussianBlur(22)))
    mask = Image.new("L", paper.size, 255)
    plan = _perspective(corners, paper.size)
    sheet = paper.transform(PHOTO, Image.Transform.PERSPECTIVE, plan, Image.Resampling.BICUBIC)
    table.paste(sheet, mask=mask.transform(PHOTO, Image.Transform.PERSPECTIVE, plan, Image.Resampling.BICUBIC))
    photo = _grained(ImageChops.multiply(table, _light()).filter(ImageFilter.GaussianBlur(0.6)), 5, seed=11)
    photo.save(folder / "teste.jpg", "JPEG", quality=72, dpi=(300, 300))
    return {
        "file": "teste.jpg",
        "prompt": "Extraia o CNPJ da empresa, a data e o valor total.",
        "format_response": [{"cnpj": "", "data": "", "valor_total": 0}],
        "answer": [{"cnpj": GROCER.cnpj, "data": receipt.DAY, "valor_total": float(receipt.TOTAL)}],
    }


def _table() -> Image.Image:
    """Brown boards with a grain."""
    grain = _noise((PHOTO[0] // 3, 40), 110, seed=3).resize(PHOTO, Image.Resampling.BICUBIC)
    boards = Image.merge("RGB", [grain.point([round(base + value * 0.16) for value in range(256)]) for base in (96, 62, 38)])
    draw = ImageDraw.Draw(boards)
    for x in range(140, PHOTO[0], 410):
        draw.line([(x, 0), (x + 14, PHOTO[1])], fill=(46, 30, 20), width=5)
    return boards


def _light() -> Image.Image:
    """Daylight from the upper left, and the soft shadow of a hand on the lower right."""
    slope = Image.linear_gradient("L").rotate(38).crop((58, 58, 198, 198)).resize(PHOTO, Image.Resampling.BICUBIC)
    slope = slope.point([255 - round(value * 0.3) for value in range(256)])
    hand = Image.new("L", PHOTO, 255)
    ImageDraw.Draw(hand).ellipse((880, 1500, 2100, 2700), fill=188)
    return ImageChops.multiply(slope, hand.filter(ImageFilter.GaussianBlur(120))).convert("RGB")


def _perspective(corners: list[tuple[int, int]], size: tuple[int, int]) -> list[float]:
    """The eight numbers that take a point of the photo back to the paper: a homography through its four corners."""
    targets = [(0, 0), (size[0], 0), size, (0, size[1])]
    rows = []
    for (x, y), (u, v) in zip(corners, targets, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    return _solve(rows)


def _solve(rows: list[list[float]]) -> list[float]:
    """Gauss and Jordan with the largest pivot; each row is its coefficients and its right side."""
    rows = [list(map(float, row)) for row in rows]
    for column in range(len(rows)):
        pivot = max(range(column, len(rows)), key=lambda index: abs(rows[index][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for index, row in enumerate(rows):
            if index != column:
                rows[index] = [value - row[column] * above for value, above in zip(row, rows[column], strict=True)]
    return [row[-1] for row in rows]
