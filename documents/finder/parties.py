"""Whose block of a page a value stands in: issuer, recipient, sender, carrier … or the header above all blocks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from documents.finder.labels import label_spans
from documents.finder.printed import LABEL_WORDS, NEUTRAL_HEADINGS, PARTY_PHRASES, WEAK_PARTIES
from documents.finder.view import SENTENCE, Cell, View
from documents.finder.vocabulary import PARTIES
from documents.finder.wanted import Wanted, phrase_of

_FIRST = re.compile(
    "|".join(sorted({*PARTIES, *PARTY_PHRASES, "dados", "identificacao", "nome", "informacoes"}, key=len, reverse=True))
)
_OPENING = re.compile(r"(?:dados d[aoe]s? |identificacao d[aoe]s? |nome d[aoe]s? |informacoes d[aoe]s? )?([a-z]+)(?: [a-z]+)?")
_TITLE_WORD = re.compile(r"[\s/.]{0,3}([a-z-]{1,20})(?![a-z])")
_WORDS = re.compile(r"[a-z]+")
_PARTY_WORD = re.compile(r"(?<![a-z])(" + "|".join(sorted(PARTIES, key=len, reverse=True)) + r")(?![a-z])")
_SPOKEN = re.compile(_PARTY_WORD.pattern + r"\s?:")
#: A receipt: `Recebi de …, CPF …, a importância de …`.
_PAID_BY = re.compile(r"receb(?:i|emos) d[eoa]s?\s[^:]{2,190}$")
_SUM = re.compile(r"importancia|quantia|valor")
#: A block is not longer than so many cells.
_REACH = 60
#: A sentence that names a party is followed over so many lines, and a page has so many headings at most.
_SENTENCE_LINES, _MAX_HEADINGS, _LOOK_BACK = 20, 400, 40
#: Words about a value are looked for so many characters before it.
_SPOKEN_REACH = 400

HEADER, NEUTRAL = "header", "neutral"


@dataclass(slots=True)
class Heading:
    """A cell that opens a block: the party words on it (none: it closes the block before) and where its own text begins."""

    cell: Cell
    parties: frozenset[str]
    sides: frozenset[str]
    rest: int


def _party_heading(view: View, cell: Cell) -> Heading | None:
    text = view.folded_of(cell)
    if _FIRST.match(text) is None:
        return None
    match = _OPENING.match(text)
    if match is None or view.continues(cell) or (len(text) >= SENTENCE and not text.startswith(":", match.end(1))):
        return None
    for phrase, side in PARTY_PHRASES.items():
        if text.startswith(phrase) and (phrase != "from" or text[4:5] == ":"):
            return Heading(cell, frozenset({phrase}), frozenset({side}), cell.start + len(phrase))
    word = match[1]
    if word not in PARTIES:
        return None
    end = match.end(1)
    rest = text[end:].lstrip()
    strict = word in WEAK_PARTIES
    plain = not rest or rest[0] in ":/(-"
    if strict and not plain:
        return None
    if rest and not plain and rest.split()[0] in ("de", "que", "e", "ou", "no", "em", "com", "deve", "declara"):
        return None
    words, end = [word], _title_end(text, end)
    words += [found for found in _PARTY_WORD.findall(text[:end]) if found != word]
    return Heading(cell, frozenset(words), frozenset(PARTIES[one] for one in words), cell.start + end)


def _title_end(text: str, end: int) -> int:
    """The end of the heading's own words: `TOMADOR / ADQUIRENTE`, `TOMADOR DO SERVIÇO`, `DESTINATÁRIO DA OPERAÇÃO`."""
    while True:
        match = _TITLE_WORD.match(text, end)
        if match is None or (match[1] not in LABEL_WORDS and match[1] not in PARTIES):
            return end
        end = match.end()


@lru_cache(maxsize=1)
def _neutral_phrases() -> tuple[tuple[str, ...], ...]:
    return tuple(phrase_of(heading) for heading in NEUTRAL_HEADINGS)


def headings(view: View) -> list[Heading]:
    """The headings of a page in the order of the text."""
    if "headings" not in view.cache:
        found = [heading for cell in view.cells if (heading := _party_heading(view, cell)) is not None]
        found = _without_values(view, found[:_MAX_HEADINGS])
        taken = {heading.cell.index for heading in found}
        for phrase in _neutral_phrases():
            for start, _ in label_spans(view, phrase):
                cell = view.cell_at(start)
                if cell is not None and cell.start == start and cell.index not in taken and not view.continues(cell):
                    taken.add(cell.index)
                    found.append(Heading(cell, frozenset(), frozenset(), cell.end))
        view.cache["headings"] = sorted(found, key=lambda heading: heading.cell.start)[:_MAX_HEADINGS]
    return view.cache["headings"]


def _without_values(view: View, found: list[Heading]) -> list[Heading]:
    """Without names that begin with a party word under the heading that they answer (`CONDUTORES` over `Condutor da Silva`)."""
    kept: list[Heading] = []
    column: list[Heading] = []
    for heading in found:
        named = view.folded[heading.rest : heading.cell.end].strip(" :/.-")
        if named and any(heading.sides == above.sides and heading.cell in view.below(above.cell) for above in column):
            column.append(heading)
            continue
        kept.append(heading)
        if not named:
            column.append(heading)
    return kept


def _opens(view: View, heading: Heading, cell: Cell) -> bool:
    """Whether `cell` lies in the column that `heading` stands over."""
    top = heading.cell
    size = max(top.height, 4.0)
    if top.y0 > cell.y1 + size:
        return False
    if top.x0 <= cell.x0 + 3 * size and not view.stands_centred(top):
        return True
    middle = (top.x0 + top.x1) / 2
    place = (cell.x0 + cell.x1) / 2
    return all(abs(place - middle) <= abs(place - (other.x0 + other.x1) / 2) for other in view.row(top))


def block_of(view: View, offset: int) -> Heading | str:
    """The heading whose block holds the value at `offset`; HEADER above all blocks, NEUTRAL outside them.

    Of the headings before it in the text, the last one that stands over its column.
    """
    cell = view.cell_at(offset)
    if cell is None:
        return HEADER
    before = [heading for heading in headings(view) if heading.cell.start <= offset]
    for heading in reversed(before[-_LOOK_BACK:]):
        if not _opens(view, heading, cell):
            continue
        if not heading.parties or cell.index - heading.cell.index > _REACH:
            return NEUTRAL
        return heading
    return NEUTRAL if any(heading.parties for heading in before) and not _above_all(before, cell) else HEADER


def _above_all(before: list[Heading], cell: Cell) -> bool:
    return all(heading.cell.y0 > cell.y0 or heading.cell.x0 > cell.x1 for heading in before)


def spoken_party(view: View, start: int, label: Cell | None) -> set[str]:
    """Party words in the label or before the value in its cell: `CNPJ Destinatário: …`, `… DESTINATARIO: … CPF: …`."""
    words: set[str] = set()
    cell = view.cell_at(start)
    if label is not None and label is not cell:
        words.update(
            word
            for word in _WORDS.findall(view.folded[label.start : min(label.end, label.start + _SPOKEN_REACH)])
            if word in PARTIES
        )
    if cell is not None:
        if _PAID_BY.search(view.folded, max(0, start - 200), start) and _SUM.search(view.folded, start, start + 200):
            return {"pagador"}
        words.update(_PARTY_WORD.findall(view.folded[max(cell.start, start - _SPOKEN_REACH) : start])[-1:])
        for _ in range(_SENTENCE_LINES):
            if words or not view.continues(cell):
                break
            cell = view.cells[cell.index - 1]
            words.update(_SPOKEN.findall(view.folded[max(cell.start, cell.end - _SPOKEN_REACH) : cell.end])[-1:])
    return words


def _short(view: View, start: int) -> bool:
    cell = view.cell_at(start)
    return cell is None or (cell.end - cell.start < SENTENCE and not view.continues(cell))


def party_score(view: View, wanted: Wanted, start: int, label: Cell | None) -> float | None:
    """How well the value at `start` belongs to the wanted party, 0 to 1; None when it belongs to another."""
    if wanted.side is None:
        return 0.5
    words = spoken_party(view, start, label)
    block = block_of(view, start)
    if words:
        if wanted.party in words:
            return 1.0 if _short(view, start) else 0.85
        return 0.8 if wanted.side in {PARTIES[word] for word in words} and not wanted.strict else None
    if isinstance(block, Heading):
        if wanted.party in block.parties:
            return 0.95
        return 0.8 if wanted.side in block.sides and not wanted.strict else None
    return 0.5 if block == HEADER and wanted.side == "issuer" else None


def strictly(views: Sequence[View], wanted: Wanted) -> Wanted:
    """`wanted`, strict where the document has a block for that very party: a `tomador` is not the `destinatário` then.

    Only recipients may be several; the words for the issuer all mean the same one.
    """
    if wanted.side == "recipient" and any(wanted.party in heading.parties for view in views for heading in headings(view)):
        return replace(wanted, strict=True)
    return wanted
