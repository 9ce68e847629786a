"""Whether a person can see an element of an HTML page, by what its attributes and simple style rules say.

Rules of `<style>` are followed when their selector is a tag, a class, an id or a tag with a class; others, and those that
hold for some screens only (`@media`), are not. Text in the colour of its background counts as hidden only where that
background is known for certain. No style sheet is ever fetched.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

from lxml import etree

Color = tuple[float, ...]
Declarations = dict[str, str]

BLACK, WHITE = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)
NAMED = {"white": WHITE, "black": BLACK, "snow": (255, 250, 250), "ivory": (255, 255, 240), "whitesmoke": (245, 245, 245),
         "ghostwhite": (248, 248, 255), "red": (255, 0, 0), "blue": (0, 0, 255), "navy": (0, 0, 128), "green": (0, 128, 0),
         "lime": (0, 255, 0), "yellow": (255, 255, 0), "gray": (128, 128, 128), "grey": (128, 128, 128),
         "silver": (192, 192, 192), "lightgray": (211, 211, 211), "lightgrey": (211, 211, 211)}  # fmt: skip
SAME = 10  # of 255: two colours that nobody tells apart
NORMAL_SIZE, LEAST_SIZE = 16.0, 2.0  # pixels
FAR = -500  # pixels outside the page
MAX_RULES, MAX_SELECTORS, MAX_STYLE = 5_000, 50, 20_000  # characters of one attribute
UNITS = {"px": 1.0, "": 1.0, "pt": 4 / 3, "em": NORMAL_SIZE, "rem": NORMAL_SIZE, "cm": 37.8, "mm": 3.78, "in": 96.0, "pc": 16.0}
LENGTH = re.compile(r"\s*([+-]?\d{0,9}\.?\d{0,9})\s*([a-z%]{0,4})")
HEX = re.compile(r"#([0-9a-f]{3,8})(?![0-9a-f])")
RGB = re.compile(r"rgba?\(([^)]{1,60})\)")
NAME = re.compile(r"[a-z]{3,20}")
COMMENT = re.compile(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/")
SIMPLE = re.compile(r"\s*([a-z][a-z0-9]*)?([.#][\w-]+)?\s*")
SELF_MADE = ("background", "background-color")  # properties that a rule which is not followed may set


@dataclass(frozen=True, slots=True)
class Look:
    """What text looks like in an element: `gone` with all that is in it, `unseen` until a child says otherwise; size in
    pixels; a background of None is not known."""

    gone: bool = False
    unseen: bool = False
    size: float = NORMAL_SIZE
    color: Color | None = BLACK
    background: Color | None = WHITE

    @property
    def hidden(self) -> bool:
        return self.gone or self.unseen or self.size < LEAST_SIZE or self._drowned()

    def _drowned(self) -> bool:
        if self.color is None or self.background is None:
            return False
        if len(self.color) > 3 and self.color[3] < 0.05:
            return True
        return all(abs(one - other) <= SAME for one, other in zip(self.color[:3], self.background, strict=True))


@dataclass(slots=True)
class Sheet:
    """The simple rules of a page; `certain` is false when other rules may set a background."""

    rules: dict[str, Declarations] = field(default_factory=lambda: defaultdict(dict))
    certain: bool = True

    @classmethod
    def of(cls, root: etree._Element) -> Self:
        """The rules of all `<style>` elements of a page."""
        sheet = cls()
        for node in root.iter("style", "link"):
            if node.tag == "link":
                sheet.certain &= "stylesheet" not in node.get("rel", "").lower()
            else:
                sheet._read(COMMENT.sub("", node.text or "").lower())
        return sheet

    def first_look(self) -> Look:
        return Look() if self.certain else Look(background=None)

    def look(self, node: etree._Element, around: Look) -> Look:
        """The look inside `node`, which stands in `around`."""
        attributes = node.attrib
        own = self._declarations(node, attributes)
        if "hidden" in attributes and "display" not in own:
            own["display"] = "none"
        for attribute, name in (("color", "color"), ("bgcolor", "background-color"), ("text", "color")):
            if attribute in attributes:
                own.setdefault(name, attributes[attribute].lower())
        return _changed(around, own) if own else around

    def _declarations(self, node: etree._Element, attributes: dict[str, str]) -> Declarations:
        own: Declarations = {}
        if self.rules:
            tag = node.tag
            names = [f".{name}" for name in attributes.get("class", "").lower().split()[:MAX_SELECTORS]]
            if "id" in attributes:
                names.append("#" + attributes["id"].lower())
            for selector in ("", tag, *names, *(f"{tag}{name}" for name in names)):
                if selector in self.rules:
                    own |= self.rules[selector]
        if "style" in attributes:
            own |= dict(_declarations(attributes["style"][:MAX_STYLE].lower()))
        return own

    def _read(self, css: str) -> None:
        depth_of_media = 0
        for chunk in css.split("}")[:MAX_RULES]:
            head, opened, body = chunk.rpartition("{")
            if "{" in head:  # an @media block begins here and ends at an empty chunk
                depth_of_media += head.count("{")
            elif not opened and depth_of_media:
                depth_of_media -= 1
                continue
            if opened:
                self._rule(head.rpartition("{")[2].rpartition(";")[2], dict(_declarations(body)), bool(depth_of_media))

    def _rule(self, selectors: str, declared: Declarations, conditional: bool) -> None:
        for selector in selectors.split(",")[:MAX_SELECTORS]:
            match = SIMPLE.fullmatch(selector)
            if match is None or conditional:
                self.certain &= not any(name in declared for name in SELF_MADE)
            elif match[1] or match[2]:
                self.rules[f"{match[1] or ''}{match[2] or ''}"].update(declared)


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for declaration in style.split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            yield name.strip(), value.replace("!important", "").strip()


def _changed(around: Look, own: Declarations) -> Look:
    visibility = own.get("visibility")
    unseen = around.unseen if visibility in (None, "inherit") else visibility in ("hidden", "collapse")
    size = _size(own["font-size"], around.size) if "font-size" in own else around.size
    color = (_color(own["color"]) or around.color) if "color" in own else around.color
    changed = replace(around, gone=around.gone or _gone(own), unseen=unseen, size=size, color=color)
    for name in SELF_MADE:
        if name in own:
            changed = replace(changed, background=_background(own[name], changed.background))
    return changed


def _gone(own: Declarations) -> bool:
    if own.get("display") == "none" or own.get("mso-hide") == "all":
        return True
    if "opacity" in own and (_length(own["opacity"]) or 0.0) < 0.05:
        return True
    if own.get("overflow") in ("hidden", "clip") and any(_length(own.get(side, "")) == 0 for side in (
        "height", "max-height", "width", "max-width")):  # fmt: skip
        return True
    if own.get("position") in ("absolute", "fixed"):
        if own.get("clip", "").replace(" ", "").startswith(("rect(0", "rect(1px,1px")):
            return True
        if any((_length(own.get(side, "")) or 0) <= FAR for side in ("left", "top", "right", "bottom")):
            return True
    if own.get("transform", "").replace(" ", "").startswith(("scale(0)", "scale(0,")):
        return True
    return (_length(own.get("text-indent", "")) or 0) <= FAR or own.get("clip-path", "").startswith(("inset(100%", "inset(50%"))


def _length(value: str) -> float | None:
    """Pixels; None for what is no length, or one that depends on its surroundings."""
    match = LENGTH.match(value)
    try:
        number = float(match[1])
    except ValueError:
        return None
    if number == 0:
        return 0.0
    return number * UNITS[match[2]] if match[2] in UNITS else None


def _size(value: str, around: float) -> float:
    match = LENGTH.match(value)
    if match[2] in ("em", "%") and match[1] not in ("", ".", "+", "-"):
        return min(around * float(match[1]) / (100 if match[2] == "%" else 1), 1e6)
    length = _length(value)
    return NORMAL_SIZE if length is None else length


def _color(value: str) -> Color | None:
    if value.startswith("transparent"):
        return (0.0, 0.0, 0.0, 0.0)
    if match := HEX.search(value):
        digits = match[1]
        step = 1 if len(digits) < 6 else 2
        parts = [int(digits[place : place + step] * (3 - step), 16) for place in range(0, len(digits) // step * step, step)]
        return (
            (*map(float, parts[:3]), parts[3] / 255) if len(parts) > 3 else tuple(map(float, parts)) if len(parts) == 3 else None
        )
    if match := RGB.search(value):
        numbers = [_channel(part) for part in match[1].replace("/", ",").replace(",", " ").split()]
        return tuple(numbers[:4]) if len(numbers) > 2 else None
    return next((tuple(map(float, NAMED[name])) for name in NAME.findall(value) if name in NAMED), None)


def _channel(text: str) -> float:
    try:
        return float(text.rstrip("%")) * (2.55 if text.endswith("%") else 1)
    except ValueError:
        return 0.0


def _background(value: str, around: Color | None) -> Color | None:
    if "url(" in value or "gradient" in value or "var(" in value:
        return None
    if value in ("none", "inherit", "initial", "unset") or value.startswith("transparent"):
        return around
    color = _color(value)
    if color is None or (len(color) > 3 and color[3] < 0.5):
        return None
    return color[:3]
