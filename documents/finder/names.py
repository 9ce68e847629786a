"""Names of parties: beside a label, behind a heading, or at the head of a letter."""

import re
from collections.abc import Iterator

from documents.finder.candidates import scan
from documents.finder.labels import Hit, free_text, hits
from documents.finder.parties import HEADER, Heading, block_of, headings, party_score
from documents.finder.printed import COMPANY_SUFFIX, SELF_WORDS, STREET_WORDS, TITLE_PHRASES, is_label
from documents.finder.view import Cell, View
from documents.finder.wanted import Wanted

_SUFFIX = re.compile(rf"(?<![a-z])(?:{COMPANY_SUFFIX})(?![a-z0-9])")
_STREET = re.compile(rf"(?<![a-z])(?:{STREET_WORDS})(?![a-z])")
_RECEIVED = re.compile(
    r"recebemos\s(?:de|da|do)\s(.{2,120}?)[\s,]\s?(?:os|as|o|a)\s(?:produtos|servicos|mercadorias|produto)", re.DOTALL
)
_COMMA = re.compile(
    r",\s(?=inscrit|com sede|cnpj|cpf|portador|brasileir|residente|pessoa|sociedade|empresa|doravante|estabelecid)"
    r"|\s-\s(?=cnpj|cpf)"
    r"|\s(?=(?:cnpj|cpf|ie)(?:/cpf|/cnpj)?\s?[:\d])"
)
_REGISTRATION = re.compile(r"\s*\([^()]{0,20}\d{4,}[^()]{0,10}\)\s*$")
_LEADING_NUMBER = re.compile(r"[#\d]\d{3,11}\s+(?=\D)")
_SELF = re.compile(rf"(?<![a-z])(?:{SELF_WORDS})")
_SENDER_LINE = re.compile(rf"(.{{2,60}}?(?<![a-z])(?:{COMPANY_SUFFIX}))\s?[-|·•]\s[^-|·•]{{3,40}}\d")
#: The heading goes on: `TRANSPORTADOR / VOLUMES TRANSPORTADOS`, `TOMADOR NÃO IDENTIFICADO NA NFS-e`.
_REMAINDER = re.compile(r"\s{0,3}(?:/\s{0,3}[a-z]|n[ao]s? |em |nao )")
#: Words of one name stand no farther apart than so many times their height.
_NAME_GAP = 3.0
_LETTERHEAD_ROWS = 7
_OPEN_BLOCKS, _MAX_BLOCKS = 12, 40


def _tidy(view: View, span: tuple[int, int] | None) -> tuple[int, int] | None:
    """A name without the description that follows it; None for what cannot be a name."""
    if span is None:
        return None
    start, end = span
    match = _COMMA.search(view.folded, start, end)
    if match is not None:
        end = match.start()
    match = _LEADING_NUMBER.match(view.text, start, end)
    if match is not None:
        start = match.end()
    match = _REGISTRATION.search(view.text, start, end)
    if match is not None and match.start() > start:
        end = match.start()
    body = view.text[start:end]
    letters = sum(character.isalpha() for character in body)
    if letters < 3 or len(body) > 120 or "@" in body or sum(character.isdigit() for character in body) > letters:
        return None
    return start, end


def _behind_headings(view: View, wanted: Wanted) -> Iterator[Hit]:
    """`REMETENTE Fantasma Ltda`, `Sold by: …`, `Bill to` with the name under it."""
    for heading in headings(view):
        if wanted.side not in heading.sides or (wanted.strict and wanted.party not in heading.parties):
            continue
        cell = heading.cell
        base = 0.8 if wanted.party in heading.parties else 0.68
        if _REMAINDER.match(view.folded, heading.rest, cell.end):
            continue
        inline = _tidy(view, free_text(view, heading.rest, cell.end))
        if inline is not None:
            yield Hit(base, *inline, cell, cell.start)
            continue
        if view.folded[heading.rest : cell.end].strip(" :/.-"):
            continue
        beside = view.right(cell)
        for other in ([beside] if beside is not None else []) + view.below(cell):
            value = _tidy(view, free_text(view, other.start, other.end))
            if value is not None and not _is_title(view, other):
                yield Hit(base - 0.05, *value, cell, cell.start)
                break


def _is_title(view: View, cell: Cell) -> bool:
    text = view.folded_of(cell).strip(" *-=_.")
    return text.startswith(TITLE_PHRASES) or is_label(text)


def _received_from(view: View) -> Iterator[Hit]:
    """The receipt slip of a DANFE: `RECEBEMOS DE … OS PRODUTOS`."""
    for match in _RECEIVED.finditer(view.folded):
        if "\n" not in view.text[match.start(1) : match.end(1)]:
            yield Hit(0.85, match.start(1), match.end(1), None, match.start())


def _blocks(view: View) -> list[list[Cell]]:
    """Cells that follow each other downwards in one column, aligned left or one within the other: an address, a letterhead."""
    blocks: list[list[Cell]] = []
    for cell in view.downwards:
        for block in blocks[-_OPEN_BLOCKS:]:
            last = block[-1]
            size = max(last.height, cell.height, 4.0)
            left, right = cell.x0 - last.x0, last.x1 - cell.x1
            inside = min(left, right) >= -size or max(left, right) <= size
            if (inside or abs(cell.x0 - last.x0) <= size) and -0.5 * size <= cell.y0 - last.y1 <= 1.7 * size:
                block.append(cell)
                break
        else:
            if len(blocks) == _MAX_BLOCKS:
                break
            blocks.append([cell])
    return blocks


def _speaks_of_place(view: View, cell: Cell) -> bool:
    text = view.folded_of(cell)
    if _STREET.search(text) and any(character.isdigit() for character in text):
        return True
    return any(cell.start <= one.start < cell.end for kind in ("cnpj", "cep", "phone", "email") for one in scan(view, kind))


def _letterhead(view: View) -> Iterator[Hit]:
    """The name over the address of the party that writes: the block above all others that also prints its own numbers.

    Two blocks that speak equally for themselves (sender and addressee of a letter) prove nothing.
    """
    found: list[tuple[int, Hit]] = []
    for block in _blocks(view):
        if not any(_speaks_of_place(view, cell) for cell in block[1 : _LETTERHEAD_ROWS + 3]):
            continue
        named = [cell for cell in block[:_LETTERHEAD_ROWS] if not _is_title(view, cell) and _tidy(view, (cell.start, cell.end))]
        if not named or block_of(view, named[0].start) != HEADER:
            continue
        place = next((index for index, cell in enumerate(named) if index and _speaks_of_place(view, cell)), len(named))
        proper = next((cell for cell in named[:place] if _SUFFIX.search(view.folded_of(cell))), named[0])
        value = _tidy(view, free_text(view, proper.start, proper.end))
        weight = sum(bool(_SELF.search(view.folded_of(cell))) for cell in block) + 2 * bool(
            _SUFFIX.search(view.folded_of(proper))
        )
        weight += 3 * _has_domain(view, proper)
        if value is not None and weight and not _speaks_of_place(view, proper) and not _answers(view, block, proper):
            found.append((weight, Hit(0.6, *_whole_name(view, named, proper, value), None, proper.start)))
    found += _sender_line(view)
    found.sort(key=lambda pair: -pair[0])
    if found and (len(found) == 1 or found[0][0] > found[1][0]):
        yield found[0][1]


def _answers(view: View, block: list[Cell], cell: Cell) -> bool:
    """Whether a label stands right over `cell`: then it is that label's value."""
    place = block.index(cell)
    above = view.folded_of(block[place - 1]).strip() if place else ""
    return is_label(above) and not above.startswith(TITLE_PHRASES)


def _sender_line(view: View) -> Iterator[tuple[int, Hit]]:
    """Name and address on one line, for the window of an envelope: `Aurora GmbH - Hauptstr. 1 - 10115 Berlin`."""
    for cell in view.downwards[:_MAX_BLOCKS]:
        match = _SENDER_LINE.match(view.folded, cell.start, cell.end)
        if match is not None and block_of(view, cell.start) == HEADER:
            yield 4, Hit(0.6, *match.span(1), None, cell.start)
            return


def _has_domain(view: View, cell: Cell) -> bool:
    """Whether an e-mail address or a web address on the page carries a word of the name."""
    words = [word for word in re.findall(r"[a-z]{5,}", view.folded_of(cell)) if not _SUFFIX.fullmatch(word)]
    places = [view.folded[one.start : one.end].rpartition("@")[2] for kind in ("email", "url") for one in scan(view, kind)[:20]]
    return any(word in place for word in words[:4] for place in places)


def _whole_name(view: View, named: list[Cell], proper: Cell, value: tuple[int, int]) -> tuple[int, int]:
    """A name over two lines: the first ends with `&`, or the second is nothing but the form of the company."""
    place = named.index(proper)
    if view.text[value[1] - 1] == "&" and place + 1 < len(named):
        return value[0], named[place + 1].end
    if value[1] == proper.end:
        value = value[0], _line_end(view, proper)
    rest = _SUFFIX.sub("", view.folded[value[0] : value[1]])
    if place and not rest.strip(" .()") and named[place - 1].index == proper.index - 1:
        return named[place - 1].start, value[1]
    return value


def _line_end(view: View, cell: Cell) -> int:
    """Where the widely set words end that stand alone on a line: `BREWERY   TAP`."""
    row = view.row(cell)
    if not row or row[0].x0 < cell.x0:
        return cell.end
    last = cell
    for other in row:
        if other.index != last.index + 1 or _is_title(view, other) or other.x0 - last.x1 > _NAME_GAP * max(cell.height, 4.0):
            return cell.end
        last = other
    body = view.text[cell.start : last.end]
    return last.end if "\n" not in body and not any(character.isdigit() for character in body) else cell.end


def name_hits(view: View, wanted: Wanted, first_page: bool) -> Iterator[Hit]:
    """Names that belong to the wanted party (or to nobody in particular), scored 0 to 1."""
    for hit in _all_names(view, wanted, first_page):
        # An open bracket is one line of a name over two.
        if view.text.count("(", hit.start, hit.end) == view.text.count(")", hit.start, hit.end):
            yield hit


def _all_names(view: View, wanted: Wanted, first_page: bool) -> Iterator[Hit]:
    for hit in hits(view, wanted):
        share = party_score(view, wanted, hit.start, hit.label)
        value = _tidy(view, (hit.start, hit.end))
        if share is None or value is None:
            continue
        block = block_of(view, hit.start)
        # A name in the header of a form, under no heading, is the issuer's only when it says so.
        if wanted.side is not None and share <= 0.5 and not isinstance(block, Heading):
            share = 0.2
        yield Hit(0.5 + 0.4 * share - (0.9 - hit.score) * 0.2, *value, hit.label, hit.label_start)
    if wanted.side is None:
        return
    yield from _behind_headings(view, wanted)
    if wanted.side == "issuer":
        yield from _received_from(view)
        if first_page:
            yield from _letterhead(view)
