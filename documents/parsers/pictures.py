"""Pictures made fit for reading: upright, grey, flat and straight. Pillow only; coordinates can be mapped back."""

import itertools
import math
from collections.abc import Callable

from PIL import Image, ImageChops, ImageFilter, ImageOps

Box = tuple[float, float, float, float]
Back = Callable[[Box], Box]  # from a box of a changed picture to the box of the same ink in the picture as it was

WHITE = 255
MAX_SKEW = 6  # degrees
MIN_SKEW = 0.4  # less does not disturb Tesseract


def grey(image: Image.Image) -> Image.Image:
    """Any mode as 8-bit grey ("L"): transparency on white, 16 bits scaled by their range, palettes and CMYK converted."""
    if image.mode == "L":
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return _scaled(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layered = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (WHITE,) * 4), layered).convert("L")
    return image.convert("L")


def _scaled(image: Image.Image) -> Image.Image:
    low, high = image.getextrema()
    if high <= WHITE and low >= 0:
        return image.convert("I").convert("L")
    step = WHITE / ((high if high > low else low + 1) - min(low, 0))
    return image.convert("F").point(lambda value: value * step + 0).convert("L")


def flatten(image: Image.Image) -> Image.Image:
    """`even`, when there are shadows or paper tone; a picture on clean white paper as it is."""
    paper = _paper(image)
    dark, light = _percentile(paper, 0.1), _percentile(paper, 0.9)
    return image if light - dark < 20 and light > 225 else _evened(image, paper)


def even(image: Image.Image) -> Image.Image:
    """The picture minus its blurred background, then full contrast.

    Never binarised: Tesseract does that better itself (Otsu's threshold harmed every set that was measured).
    """
    return _evened(image, _paper(image))


def soften(image: Image.Image) -> Image.Image:
    """The dots of a matrix printer run together to letters, and broken strokes close."""
    return image.filter(ImageFilter.GaussianBlur(1.2))


def _paper(image: Image.Image) -> Image.Image:
    small = image.resize((max(1, image.width // 8), max(1, image.height // 8)), Image.Resampling.BOX)
    return small.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.GaussianBlur(4))


def _evened(image: Image.Image, paper: Image.Image) -> Image.Image:
    background = paper.resize(image.size, Image.Resampling.BILINEAR)
    return ImageOps.autocontrast(ImageChops.invert(ImageChops.subtract(background, image)), cutoff=(1, 0))


def has_ink(image: Image.Image) -> bool:
    """False for a blank page: no darker spot than the paper's own noise."""
    small = image.resize((max(1, image.width // 4), max(1, image.height // 4)), Image.Resampling.BOX)
    low, high = small.getextrema()
    return high - low > 24


def skew(image: Image.Image) -> float:
    """Degrees by which the picture has to be turned counter-clockwise to make its lines level; 0.0 when they are.

    The projection on the vertical axis is sharpest when lines are level (Postl, 1986): coarse over ±6°, then fine.
    """
    coarse, fine = _ink(image, 300), _ink(image, 700)
    flat = _sharpness(coarse, 0)
    best = max(range(-MAX_SKEW, MAX_SKEW + 1), key=lambda angle: _sharpness(coarse, angle))
    if best and _sharpness(coarse, best) < 1.15 * flat:
        best = 0
    angle = max((best + step / 4 for step in range(-3, 4)), key=lambda angle: _sharpness(fine, angle))
    return angle if abs(angle) >= MIN_SKEW and _sharpness(fine, angle) > 1.1 * _sharpness(fine, 0) else 0.0


def turned(image: Image.Image, degrees: float) -> tuple[Image.Image, Back]:
    """The picture turned counter-clockwise on white, grown to hold its corners, and the way of boxes back."""
    if not degrees:
        return image, lambda box: box
    result = image.rotate(degrees, Image.Resampling.BILINEAR, expand=True, fillcolor=WHITE)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    from_x, from_y, to_x, to_y = result.width / 2, result.height / 2, image.width / 2, image.height / 2

    def back(box: Box) -> Box:
        x0, y0, x1, y1 = box
        corners = [(x - from_x, y - from_y) for x in (x0, x1) for y in (y0, y1)]
        if degrees % 90:  # the corners of a slanted word reach into its neighbours: keep its middle line and its height
            middle, half = (y0 + y1) / 2 - from_y, (y1 - y0) / 2
            ends = [(x * cos - middle * sin + to_x, x * sin + middle * cos + to_y) for x in (x0 - from_x, x1 - from_x)]
            ys = [y for _, y in ends]
            return min(x for x, _ in ends), min(ys) - half, max(x for x, _ in ends), max(ys) + half
        xs = [x * cos - y * sin + to_x for x, y in corners]
        ys = [x * sin + y * cos + to_y for x, y in corners]
        return min(xs), min(ys), max(xs), max(ys)

    return result, back


def _ink(image: Image.Image, width: int) -> Image.Image:
    scale = min(1.0, width / image.width)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return ImageChops.invert(image.resize(size, Image.Resampling.BOX))


def _sharpness(ink: Image.Image, angle: float) -> float:
    level = ink.rotate(angle) if angle else ink
    profile = level.resize((1, level.height), Image.Resampling.BOX).tobytes()
    return float(sum((after - before) ** 2 for before, after in itertools.pairwise(profile)))


def _percentile(image: Image.Image, share: float) -> int:
    histogram = image.histogram()
    wanted, seen = share * sum(histogram), 0
    for level, count in enumerate(histogram):
        seen += count
        if seen >= wanted:
            return level
    return WHITE
