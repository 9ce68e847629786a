"""A sheet of paper in millimetres from its top left, with the boxes of Brazilian forms: a small label above its value."""

from pathlib import Path
from typing import BinaryIO

from reportlab.graphics.barcode import createBarcodeDrawing
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

REGULAR, BOLD = "Helvetica", "Helvetica-Bold"


class Sheet:
    """A PDF whose bytes depend on nothing but what is drawn: fixed dates and id, no compression by whichever zlib is here."""

    def __init__(self, target: Path | BinaryIO, title: str, size: tuple[float, float] = A4):
        self.canvas = Canvas(str(target) if isinstance(target, Path) else target, pagesize=size, pageCompression=0, invariant=1)
        self.canvas.setTitle(title)
        self.canvas.setAuthor("Myelin samples (invented data)")
        self.width, self.height = size[0] / mm, size[1] / mm

    def text(self, x: float, y: float, text: str, size: float = 8, font: str = REGULAR, align: str = "left") -> None:
        """`y` is the base line; `x` the left, the middle or the right of the text."""
        self.canvas.setFont(font, size)
        draw = {"left": self.canvas.drawString, "center": self.canvas.drawCentredString, "right": self.canvas.drawRightString}
        draw[align](x * mm, (self.height - y) * mm, text)

    def line(self, x0: float, y0: float, x1: float, y1: float, *, width: float = 0.5, dashed: bool = False) -> None:
        self.canvas.setLineWidth(width)
        self.canvas.setDash(*((2, 2) if dashed else ()))
        self.canvas.line(x0 * mm, (self.height - y0) * mm, x1 * mm, (self.height - y1) * mm)
        self.canvas.setDash()

    def frame(self, x: float, y: float, w: float, h: float) -> None:
        self.canvas.setLineWidth(0.5)
        self.canvas.rect(x * mm, (self.height - y - h) * mm, w * mm, h * mm)

    def box(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        label: str,
        value: str,
        *,
        size: float = 8.5,
        align: str = "left",
        font: str = REGULAR,
    ) -> None:
        """A framed field; a value that is too wide is set smaller."""
        self.frame(x, y, w, h)
        self.text(x + 0.8, y + 2.4, label, 5.2)
        while stringWidth(value, font, size) > (w - 2) * mm:
            size -= 0.25
        at = {"left": x + 1.2, "center": x + w / 2, "right": x + w - 1.2}[align]
        self.text(at, y + h - 1.6, value, size, font, align)

    def row(self, y: float, h: float, cells: list[tuple], x: float = 10) -> float:
        """Boxes side by side from (width, label, value, align?); returns the y below them."""
        for width, label, value, *align in cells:
            self.box(x, y, width, h, label, value, align=align[0] if align else "left")
            x += width
        return y + h

    def barcode(self, kind: str, digits: str, x: float, y: float, w: float, h: float, **options: object) -> None:
        """Kinds are reportlab's: `Code128`, `I2of5`, `QR`. The drawing is scaled to `w` × `h`."""
        drawing = createBarcodeDrawing(kind, value=digits, **options)
        self.canvas.saveState()
        self.canvas.translate(x * mm, (self.height - y - h) * mm)
        self.canvas.scale(w * mm / drawing.width, h * mm / drawing.height)
        drawing.drawOn(self.canvas, 0, 0)
        self.canvas.restoreState()

    def save(self) -> None:
        self.canvas.showPage()
        self.canvas.save()
