"""The numbers that Word prints before paragraphs: `3.2`, `(a)`, `IV.` (ECMA-376 part 1, 17.9)."""

import re
from dataclasses import dataclass, field
from typing import Self

from lxml import etree

from documents.parsers.ooxml import attribute
from documents.parsers.pagination import clean
from documents.parsers.wordstyles import Styles

LEVELS = 9
ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"),
         (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
PLACE = re.compile(r"%([1-9])")
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Level:
    """How a level counts (`bullet` and `none` do not), its text with `%1` for the number of the first level, its start."""

    form: str
    text: str
    start: int


@dataclass
class Numbering:
    """The lists of a document, counted while its paragraphs are read in order."""

    _levels: dict[str, dict[int, Level]] = field(default_factory=dict)
    _lists: dict[str, str] = field(default_factory=dict)
    _restarts: dict[tuple[str, int], int] = field(default_factory=dict)
    _counts: dict[str, list[int | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: etree._Element) -> Self:
        """From the numbering part."""
        numbering = cls()
        for node in root.iterfind("{*}abstractNum"):
            levels = {_integer(level, "ilvl"): _level(level) for level in node.iterfind("{*}lvl")}
            numbering._levels[attribute(node, "abstractNumId")] = levels
        for node in root.iterfind("{*}num"):
            number, abstract = attribute(node, "numId"), node.find("{*}abstractNumId")
            if abstract is not None:
                numbering._lists[number] = attribute(abstract, "val")
            for change in node.iterfind("{*}lvlOverride"):
                start = change.find("{*}startOverride")
                if start is not None:
                    numbering._restarts[number, _integer(change, "ilvl")] = _integer(start, "val")
        return numbering

    def next(self, properties: etree._Element | None, styles: Styles) -> str:
        """What is printed before the paragraph with these properties; "" for one without a number, and for bullets."""
        number, level = _place(properties, styles)
        abstract = self._lists.get(number)
        if abstract is None or not 0 <= level < LEVELS:
            return ""
        levels = self._levels.get(abstract, {})
        counts = self._counts.setdefault(abstract, [None] * LEVELS)
        restart = self._restarts.pop((number, level), None)
        before = counts[level]
        first = levels[level].start if level in levels else 1
        counts[level] = restart if restart is not None else first if before is None else min(before + 1, MOST)
        counts[level + 1 :] = [None] * (LEVELS - level - 1)
        own = levels.get(level)
        if own is None or own.form in ("bullet", "none"):
            return ""

        def counted(match: re.Match[str]) -> str:
            place = int(match[1]) - 1
            other = levels.get(place)
            count = counts[place]
            return written(count if count is not None else other.start if other else 1, other.form if other else "decimal")

        return PLACE.sub(counted, own.text).strip()


def written(count: int, form: str) -> str:
    """A number as lists write it.

    >>> [written(28, form) for form in ("decimal", "lowerLetter", "upperRoman", "decimalZero")]
    ['28', 'bb', 'XXVIII', '28']
    """
    if form in ("lowerLetter", "upperLetter") and 0 < count <= 780:
        text = chr(97 + (count - 1) % 26) * ((count - 1) // 26 + 1)
    elif form in ("lowerRoman", "upperRoman") and 0 < count < 4000:
        text = ""
        for value, sign in ROMAN:
            text += sign * (count // value)
            count %= value
    else:
        return f"{count:02d}" if form == "decimalZero" else str(count)
    return text.upper() if form.startswith("upper") else text


def _place(properties: etree._Element | None, styles: Styles) -> tuple[str, int]:
    """(list, level) of a paragraph: its own, else that of its style; the list "" or "0" is none."""
    if properties is None:
        return "", 0
    style = properties.find("{*}pStyle")
    number, level = styles.numbers.get(attribute(style, "val"), ("", "0")) if style is not None else ("", "0")
    own = properties.find("{*}numPr/{*}numId")
    own_level = properties.find("{*}numPr/{*}ilvl")
    number = attribute(own, "val") if own is not None else number
    level = attribute(own_level, "val") if own_level is not None else level
    return number, int(level) if level.isdecimal() and len(level) < 3 else 0


def _level(node: etree._Element) -> Level:
    form, text, start = node.find("{*}numFmt"), node.find("{*}lvlText"), node.find("{*}start")
    return Level(
        attribute(form, "val") if form is not None else "decimal",
        clean(attribute(text, "val")) if text is not None else "",
        _integer(start, "val") if start is not None else 1,
    )


def _integer(node: etree._Element, name: str) -> int:
    value = attribute(node, name)
    return int(value) if value.isdecimal() and len(value) < 8 else 0
