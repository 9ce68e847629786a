"""Printed labels and the values beside, behind or under them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from documents.finder.candidates import has_cents, read_at
from documents.finder.printed import FILLERS, LABEL_PIECE, LABEL_TAILS, LABEL_WORDS, is_label
from documents.finder.sentences import whole_text
from documents.finder.view import SENTENCE, Cell, View
from documents.finder.wanted import Phrase, Wanted

#: A value stands no farther right of its label than so many times the label's height.
_REACH = 60
#: A word that stands on a page more often than this is text, not a label: the rest is left out.
MAX_LABELS = 300
#: The longest free text that is a value.
MAX_TEXT = 1000
_PUNCTUATION = re.compile(r"[\s:;.\-=*()\[\]|>_#]{0,40}")
_CONNECTOR = re.compile(
    r"(?:no|nr|n|numero|number|e|is|de|of|was|foi|sob|em|on|r\$|us\$|rm|usd|eur|brl|gbp|inr|myr|rs|le|du|\$)(?![a-z])"
)
_PERCENT = re.compile(r"(?:@ ?)?\d{1,2}(?:[.,]\d{1,2})?\s?%")
_CURRENCY_BEFORE = re.compile(r"(?:[$€£₹¥]|RM|Rs\.?|(?!VAT|GST|IVA|TVA|BTW|ISS|IPI|TAX)[A-Z]{3})\s?$")
_TAIL_WORD = re.compile(r"[\s\-(]{0,3}([a-z]{1,12})(?![a-z0-9])")
_COLON = re.compile(r":(?!\d|//)")
_LAST_WORD = re.compile(r"[a-z]+$")
_LETTERS = re.compile(r"[^\W\d_]")
_GENITIVE = re.compile(r"(?<![a-z])(?:d[aeo]s?|of)\s{0,3}\Z")
_SUM = re.compile(r"\s{0,3}(?:r\$|[$€£])?\s{0,3}\d")
_REMAINDER_END = re.compile(r"[^:\d\n]{0,40}:")
_REMAINDER = re.compile(r"[^:\d]{0,40}")
#: Fields whose value may follow `de`: `MUNICÍPIO DE SÃO PAULO`.
_OF_A_PLACE = frozenset({"city", "district", "country"})
_CODE_FOLLOWS = re.compile(r"\s{0,9}(?:\Z|[:#=\d]|n(?:[oºr°]|umero)?[.:\s])")
#: Words that make a sum with a tax in it out of the name of a tax.
_SUM_WORDS = re.compile(
    r"(?<![a-z])(?:total|gross|net|incl?|including|excl?|excluding|with|com|sem|c/|s/|base|liquido|bruto|mais)(?![a-z])"
)
_REGISTRATION = re.compile(r"[\s.:(-]{0,4}(?:no|nr|n|number|numero|id|reg|registration)(?![a-z])")
_TICK_BOX = re.compile(r"\s*[\[(]?\s?\w?\s?[\])]\s*|\s*[\[(]\s?\w?\s?[\])]?\s*")  # what is left of it after OCR, too
_NUMBER_ALONE = re.compile(r"[\s:]{0,9}(\d[\d./-]{1,38}\d)\s{0,9}\Z")
_HARMLESS = frozenset(["o", "a", "os", "as", "the", "com", "e", "is", "and", "seu", "your", "our", "r", "no", "na", "in", "por"])


@dataclass(slots=True)
class Hit:
    """A value with its evidence: `score` is 0 to 1, `label` the cell of the label (None when the value stands alone)."""

    score: float
    start: int
    end: int
    label: Cell | None
    label_start: int


def label_spans(view: View, phrase: Phrase) -> Iterator[tuple[int, int]]:
    """Where the words of `phrase` follow each other on the page, fillers and punctuation between them ignored."""
    words, places = view.words
    if any(word not in places for word in phrase):
        return
    for place in places[phrase[0]][:MAX_LABELS]:
        run = words[place : place + len(phrase)]
        if (
            len(run) == len(phrase)
            and all(word[0] == wanted for word, wanted in zip(run, phrase, strict=True))
            and all(_close(view, one[2], other[1]) for one, other in pairwise(run))
        ):
            yield run[0][1], run[-1][2]


def _close(view: View, end: int, start: int) -> bool:
    """Nothing but punctuation and fillers stands between two offsets."""
    between = view.folded[end:start]
    return len(between) <= 14 and all(piece in FILLERS for piece in re.findall(r"[a-z0-9]+", between)) and ":" not in between


def _skip_tail(view: View, end: int, limit: int) -> int:
    """Over names of documents that belong to the label: `NÚMERO` → `NÚMERO DA NFS-e`."""
    while True:
        match = _TAIL_WORD.match(view.folded, end, limit)
        if match is None or (match[1] not in LABEL_TAILS and match[1] not in FILLERS):
            return end
        end = match.end()


def _skip_junk(view: View, offset: int, limit: int) -> int:
    """Over punctuation, currency, `nº`, `é` and a percentage between a label and its value."""
    for _ in range(4):
        match = _PUNCTUATION.match(view.folded, offset, limit)
        offset = match.end() if match else offset
        match = _CONNECTOR.match(view.folded, offset, limit)
        if match is None:
            break
        offset = match.end()
    return offset


def _prefix_penalty(view: View, cell: Cell, start: int, words: int) -> float | None:
    """0 for a label that begins its cell; None when the words before it make it another label."""
    before = view.folded[max(cell.start, start - 200) : start].rstrip()
    if not before.strip("0123456789.)-= "):
        return 0.0
    if before.endswith(("sub-", "sub")):
        return None
    match = _LAST_WORD.search(before)
    if match is None:
        return 0.05
    if match[0] in _HARMLESS:
        return 0.1
    return 0.2 if words >= 3 else None


def free_text(view: View, start: int, end: int) -> tuple[int, int] | None:
    """A stretch of free text without the punctuation around it and without labels that follow on the line."""
    text = view.text
    end = min(end, start + MAX_TEXT + 1)
    for match in _COLON.finditer(text, start, end):
        words = list(LABEL_PIECE.finditer(view.folded, start, match.start()))
        first = match.start()
        for word in reversed(words):
            if view.folded[word.end() : first].strip(" /-.()") or word[0] not in LABEL_WORDS:
                break
            first = word.start()
        if first < match.start():
            end = first
        break
    while start < end and text[start] in " \t:-–—=*|.,;#)]>":
        start += 1
    while end > start and text[end - 1] in " \t:-–—=*|,;([<":
        end -= 1
    body = text[start:end]
    if not 1 < len(body) <= MAX_TEXT or len(_LETTERS.findall(body)) < 2 or is_label(view.folded[start:end]):
        return None
    return start, end


def _text(view: View, wanted: Wanted, start: int, end: int) -> tuple[int, int] | None:
    """Free text, whole sentences of it; a number alone only for a key that no field is known for."""
    span = free_text(view, start, end)
    if span is not None:
        return whole_text(view, *span) if wanted.kind == "text" else span
    match = _NUMBER_ALONE.match(view.text, start, end) if wanted.field is None and wanted.kind == "text" else None
    return match.span(1) if match else None


def _value_in(view: View, wanted: Wanted, cell: Cell) -> tuple[int, int] | None:
    """The value that begins a cell beside or under a label."""
    if wanted.kind in ("text", "name"):
        return _text(view, wanted, cell.start, cell.end)
    return read_at(view, wanted.kind, _skip_junk(view, cell.start, cell.end), cell.end)


def _label_end(view: View, wanted: Wanted, end: int, limit: int) -> int | None:
    """Where the label ends whose first words end at `end`; None when that cannot be told.

    `RNTRC DA EMPRESA` is a label as a whole, as `OBJETO DO CONTRATO:` is.
    """
    tail = _skip_tail(view, end, limit)
    if wanted.kind not in ("text", "name"):
        return tail
    genitive = _GENITIVE.search(view.folded, end, tail) if tail < limit and not _SUM.match(view.folded, tail, limit) else None
    if genitive is None and not view.folded.startswith("/", view.skip_blanks(tail)):
        return tail
    if wanted.field is not None and wanted.field.name in _OF_A_PLACE:
        return tail
    match = _REMAINDER_END.match(view.folded, tail, limit)
    if match is not None:
        return match.end()
    return limit if _REMAINDER.fullmatch(view.folded, tail, limit) else None


def _inline(view: View, wanted: Wanted, offset: int, cell: Cell) -> tuple[int, int] | None:
    """The value behind the label in its own cell."""
    if wanted.kind in ("text", "name"):
        mark = _PUNCTUATION.match(view.folded, offset, cell.end)
        stop = mark.end() if mark else offset
        if stop == cell.end:
            return None
        return _text(view, wanted, stop, cell.end) if stop > offset else None
    place = _skip_junk(view, offset, cell.end)
    if wanted.kind == "amount" and (share := _PERCENT.match(view.folded, place, cell.end)):
        place = _skip_junk(view, share.end(), cell.end)
    return read_at(view, wanted.kind, place, cell.end)


def _last_in_row(view: View, cell: Cell, value: tuple[int, int]) -> tuple[int, int]:
    """In a row of sums (net, tax, gross) the last one is the total; numbers without cents before it are counts."""
    best = value
    for other in [cell, *(other for other in view.row(cell) if other.x0 >= cell.x1)]:
        place = value[0] if other is cell else _skip_junk(view, other.start, other.end)
        found = read_at(view, "amount", place, other.end)
        if found is None:
            break
        while found is not None:
            best = found if has_cents(view.text, found[1]) else best
            found = read_at(view, "amount", _skip_junk(view, found[1], other.end), other.end)
    return best


def _shows_money(view: View, value: tuple[int, int]) -> bool:
    before = _CURRENCY_BEFORE.search(view.text, max(0, value[0] - 5), value[0])
    return has_cents(view.text, value[1]) or before is not None


def _is_tax_amount(view: View, cell: Cell, value: tuple[int, int]) -> bool:
    """A tax in the row of its label: money, and the only sum there, as net and gross stand beside it otherwise."""
    return _shows_money(view, value) and _last_in_row(view, cell, value) == value


def _worth(view: View, wanted: Wanted, value: tuple[int, int]) -> float:
    """What a sum loses that shows neither cents nor a currency: it may as well be a count or an article number."""
    return 0.3 if wanted.last and not _shows_money(view, value) else 0.0


def _is_own_label(view: View, wanted: Wanted, phrase: Phrase, start: int, end: int, cell: Cell) -> bool:
    """Taxes and one-word codes need a label of their own: `TOTAL C/ IVA`, `VAT NO` and `VALOR DO SERVIÇO` are others."""
    if wanted.is_tax:
        return not _SUM_WORDS.search(view.folded, cell.start, start) and not _REGISTRATION.match(view.folded, end, cell.end)
    if wanted.field is None and wanted.kind == "code" and len(phrase) == 1:
        alone = not view.folded[cell.start : start].strip(" 0123456789.)-=")
        return alone and _CODE_FOLLOWS.match(view.folded, end, cell.end) is not None
    return True


def hits(view: View, wanted: Wanted) -> Iterator[Hit]:
    """Every value that stands at one of the labels of `wanted`, scored by label, place and completeness."""
    seen: set[int] = set()
    for rank, phrase in enumerate(wanted.phrases):
        for start, end in label_spans(view, phrase):
            cell = view.cell_at(end - 1)
            if cell is None or end in seen or not cell.start < end <= cell.end:
                continue
            seen.add(end)
            penalty = _prefix_penalty(view, cell, max(start, cell.start), len(phrase))
            if penalty is None or not _is_own_label(view, wanted, phrase, max(start, cell.start), end, cell):
                continue
            running = 0.1 if cell.end - cell.start >= SENTENCE and not view.folded.startswith(":", end) else 0.0
            base = (
                0.9
                - 0.35 * rank / len(wanted.phrases)
                - penalty
                - running
                - (0.15 if len(phrase) == 1 and len(phrase[0]) < 3 else 0)
            )
            label_end = _label_end(view, wanted, end, cell.end)
            if label_end is not None:
                yield from _at_label(view, wanted, base, start, label_end, cell)


def _at_label(view: View, wanted: Wanted, base: float, start: int, end: int, cell: Cell) -> Iterator[Hit]:
    if wanted.kind == "amount" and (day := read_at(view, "date", _skip_junk(view, end, cell.end), cell.end)):
        end = day[1]  # `TOTAL DUE ON 3 August 2014`
    value = _inline(view, wanted, end, cell)
    if value is not None:
        if wanted.is_tax and not _is_tax_amount(view, cell, value):
            return
        if wanted.last and not wanted.is_tax:
            value = _last_in_row(view, cell, value)
        going_on = 0.05 if cell.end - value[1] > 10 and wanted.kind not in ("text", "name") else 0.0
        yield Hit(base - going_on - _worth(view, wanted, value), *value, cell, start)
        return
    rest = view.folded[(place := _skip_junk(view, end, cell.end)) : min(cell.end, place + 40)]
    if _PERCENT.fullmatch(rest.strip()) is None and rest.strip(" :()-%"):
        return
    beside = _beside(view, wanted, base, start, cell)
    under = _under(view, wanted, base, start, cell)
    free = wanted.kind in ("text", "name") and not view.gridded and not view.folded[end : cell.end].strip().startswith(":")
    found = (under or beside) if free else (beside or under)
    if found is not None:
        yield found


def _beside(view: View, wanted: Wanted, base: float, start: int, cell: Cell) -> Hit | None:
    if view.is_header(cell):
        return None
    right = view.right(cell)
    if right is None or right.x0 - cell.x1 > _REACH * max(cell.height, 5):
        return None
    value = _value_in(view, wanted, right)
    if value is None:
        return None
    if wanted.is_tax and not _is_tax_amount(view, right, value):
        return None
    value = _last_in_row(view, right, value) if wanted.last and not wanted.is_tax else value
    return Hit(base - _worth(view, wanted, value), *value, cell, start)


def _under(view: View, wanted: Wanted, base: float, start: int, cell: Cell) -> Hit | None:
    under = view.below(cell)
    if len(under) == 1 and _skip_junk(view, under[0].start, under[0].end) == under[0].end:
        under = view.below(under[0])  # a currency alone on its line
    for other in under:
        if wanted.is_tax and _has_own_label(view, cell, other):
            continue
        value = _value_in(view, wanted, other)
        if value is not None and _TICK_BOX.fullmatch(view.text, other.start, other.end):
            continue
        if value is not None and wanted.is_tax and not _shows_money(view, value):
            continue
        if value is not None:
            return Hit(
                base - (0.25 if wanted.last and _in_column(view, cell, other) else 0.03) - _worth(view, wanted, value),
                *value,
                cell,
                start,
            )
    return None


def _has_own_label(view: View, label: Cell, value: Cell) -> bool:
    """Whether words stand before `value` on its row, under `label`: then it is theirs."""
    before = (other for other in view.row(value) if other.x1 <= value.x0 and other.x1 > label.x0)
    return any(_LETTERS.search(view.text, other.start, other.end) for other in before)


def _in_column(view: View, label: Cell, value: Cell) -> bool:
    """Whether a value under a label is one of many: titles stand beside the label, or more numbers under the value."""
    if len(view.row(label)) > 2:
        return True
    return any(read_at(view, "amount", _skip_junk(view, cell.start, cell.end), cell.end) for cell in view.below(value))
