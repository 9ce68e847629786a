"""Running text whose pages end where the document says so, with what belongs to the foot of each page."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from documents.parsers.pagination import PAGE_CHARACTERS, stretches

BREAK = "\f"  # a line of its own where a page ends; `clean` lets none through from a document


@dataclass
class Foot:
    """Notes and comments that were referred to since the last page ended."""

    _lines: list[str] = field(default_factory=list)

    def note(self, mark: str, lines: Iterable[str]) -> None:
        """A footnote or endnote: `[mark] line`, each line."""
        self._lines += [f"[{mark}] {line}" for line in texts(lines)]

    def comment(self, author: str, lines: Iterable[str]) -> None:
        """`Comment by author: text`."""
        if text := " ".join(texts(lines)):
            self._lines.append(f"Comment by {author}: {text}" if author else f"Comment: {text}")

    def flush(self) -> list[str]:
        """Everything since the last time."""
        lines, self._lines = self._lines, []
        return lines


def texts(lines: Iterable[str]) -> list[str]:
    """Lines that say something, without the ends of pages."""
    return [line for line in lines if line.strip()]


def split(text: str, foot: Foot) -> list[str]:
    """A paragraph as lines. At the end of a page come its notes, then BREAK."""
    lines: list[str] = []
    parts = text.split(BREAK)
    for number, part in enumerate(parts):
        if number:
            lines += [*foot.flush(), BREAK]
        lines += part.split("\n") if part or len(parts) == 1 else []
    return lines


def cut(lines: list[str]) -> list[tuple[str, None]]:
    """Pages at the breaks, then by size: twice the usual one where there are breaks to go by."""
    size = 2 * PAGE_CHARACTERS if BREAK in lines else PAGE_CHARACTERS
    pieces: list[list[str]] = [[]]
    for line in lines:
        if line == BREAK:
            pieces.append([])
        else:
            pieces[-1].append(line)
    return [(text, None) for piece in pieces for text in stretches(piece, size)]
