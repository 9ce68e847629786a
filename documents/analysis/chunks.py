"""A long document in pieces that fit a model: whole pages where they fit, else their lines; neighbours overlap.

Every character of every page is in a chunk: what is not asked is a matter of the plan, never of the cutting.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from documents.analysis.pictures import MAX_PICTURES
from documents.analysis.tokens import tokens_of, weight_of
from documents.parsed import Page
from documents.review import Stretch
from providers.types import TOKENS_PER_IMAGE

#: Tags and label of a page.
TOKENS_PER_PAGE = 48
#: Shares of the budget: the largest page that is repeated whole, and the lines that are repeated of a larger one.
_WHOLE_OVERLAP, _LINES_OVERLAP = 4, 10
_SMALLEST = 600  # characters of a page that is still divided


@dataclass(frozen=True, slots=True)
class Chunk:
    """`stretches` are in reading order; `tokens` is what they take at the most, pictures included."""

    stretches: tuple[Stretch, ...]
    tokens: int

    @property
    def pages(self) -> list[int]:
        return [stretch.page for stretch in self.stretches]


def whole(pages: Sequence[Page]) -> Chunk:
    """The document in one piece; its tokens are not counted."""
    return Chunk(tuple(Stretch(page.number, 0, len(page.text)) for page in pages), 0)


def chunks_of(pages: Sequence[Page], budget: int, pictured: Collection[int] = ()) -> list[Chunk]:
    """The pages in chunks of at most `budget` tokens, which must hold a line of text and a picture.

    The pages numbered in `pictured` are shown as pictures, too: at most MAX_PICTURES of them come into one chunk.
    """
    texts = {page.number: page.text for page in pages}
    made: list[Chunk] = []
    held: list[tuple[Stretch, int]] = []
    for piece, tokens in (piece for page in pages for piece in _pieces(page, budget, page.number in pictured)):
        shown = sum(stretch.page in pictured for stretch, _ in held)
        full = shown == MAX_PICTURES and piece.page in pictured
        if held and (full or sum(taken for _, taken in held) + tokens > budget):
            made.append(_chunk(held))
            again = held[-1][0].page not in (piece.page, *pictured)
            held = _repeated(held[-1], texts, budget, budget - tokens) if again else []
        held.append((piece, tokens))
    return [*made, _chunk(held)] if held else made


def halves(chunk: Chunk, pages: Mapping[int, Page]) -> list[Chunk]:
    """The chunk in two or more smaller ones; [] for one that is too small to be divided."""
    if len(chunk.stretches) > 1:
        middle = len(chunk.stretches) // 2
        return [Chunk(part, chunk.tokens // 2) for part in (chunk.stretches[:middle], chunk.stretches[middle:])]
    stretch = chunk.stretches[0]
    page = stretch.of(pages[stretch.page])
    if len(page.text) < _SMALLEST:
        return []
    budget = (tokens_of(page.text) + TOKENS_PER_PAGE) * 2 // 3
    moved = [
        (Stretch(piece.page, piece.start + stretch.start, piece.end + stretch.start), tokens)
        for piece, tokens in _pieces(page, budget, pictured=False)
    ]
    return [_chunk([piece]) for piece in moved]


def _chunk(held: Sequence[tuple[Stretch, int]]) -> Chunk:
    return Chunk(tuple(stretch for stretch, _ in held), sum(tokens for _, tokens in held))


def _repeated(last: tuple[Stretch, int], texts: Mapping[int, str], budget: int, room: int) -> list[tuple[Stretch, int]]:
    """The end of one chunk as the beginning of the next one."""
    stretch, tokens = last
    if tokens <= min(budget // _WHOLE_OVERLAP, room):
        return [last]
    text = texts[stretch.page][stretch.start : stretch.end]
    start = _tail(text, min(budget // _LINES_OVERLAP, room) - TOKENS_PER_PAGE)
    if start == len(text):
        return []
    piece = Stretch(stretch.page, stretch.start + start, stretch.end)
    return [(piece, tokens_of(text[start:]) + TOKENS_PER_PAGE)]


def _tail(text: str, budget: int) -> int:
    """Where the last whole lines of `text` begin that take at most `budget` tokens; its end when not even one fits."""
    start, weight = len(text), 1.0
    while start > 0:
        before = text.rfind("\n", 0, start - 1) + 1
        weight += weight_of(text[before:start])
        if weight > budget:
            break
        start = before
    return start


def _pieces(page: Page, budget: int, pictured: bool) -> Iterator[tuple[Stretch, int]]:
    """A page in one piece, or in overlapping pieces of whole lines."""
    extra = TOKENS_PER_IMAGE if pictured else 0
    tokens = tokens_of(page.text) + TOKENS_PER_PAGE + extra
    if tokens <= budget:
        yield Stretch(page.number, 0, len(page.text)), tokens
        return
    room = budget - TOKENS_PER_PAGE - extra - 1
    start, end, held = 0, 0, 0.0
    for line_end in _line_ends(page.text, room):
        weight = weight_of(page.text[end:line_end])
        if held + weight > room:
            yield Stretch(page.number, start, end), int(held) + 1 + TOKENS_PER_PAGE + extra
            # What is repeated and the next line must fit together.
            start += _tail(page.text[start:end], int(min(budget // _LINES_OVERLAP, room - weight)))
            held = weight_of(page.text[start:end])
        held += weight
        end = line_end
    yield Stretch(page.number, start, end), int(held) + 1 + TOKENS_PER_PAGE + extra


def _line_ends(text: str, room: int) -> Iterator[int]:
    """Where lines end, their break included; a line of more than `room` tokens ends at a blank, or anywhere, before that."""
    most = max(room // 2, 1)  # no character takes more than two tokens
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        if end - start > most and weight_of(text[start:end]) > room:
            end = text.rfind(" ", start + 1, start + most) + 1 or start + most
        yield end
        start = end
