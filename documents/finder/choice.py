"""Which of the values on the pages is the one that was asked for, or which are all of them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from documents.checks import checks
from documents.finder.candidates import read_at, scan
from documents.finder.labels import Hit, hits
from documents.finder.names import name_hits
from documents.finder.parties import party_score, strictly
from documents.finder.view import View
from documents.finder.wanted import PARTY_KINDS, Wanted
from documents.values import alphanumerics, fold, parse_date

#: Kinds that a value proves by its own look: they need no label, only the right party.
SELF_EVIDENT = frozenset({"cnpj", "cpf", "cpf_cnpj", "access_key", "payment_line", "email", "phone", "cep", "iban", "url"})
#: What a label must prove: a vague label over a column of numbers, or in a summary of taxes, proves less.
MIN_SCORE = 0.35
#: So many values of one kind are weighed on a page.
MAX_VALUES = 1000
_DATED = re.compile(
    r"(?<![a-z])(?:fatura|nota fiscal|nf-?e|invoice|facture|rechnung|factuur|recibo|contrato|pedido)\s?"
    r"(?:number|numero|no|nr|n|#)?[.o: ]{0,3}[\w./-]{1,30},? (?:de|du|of|dated|from|vom|em|emitid[ao] em) "
)
_SUMMARY = re.compile(r"(?:gst|tax|vat|sst) (?:summary|analysis)")
_TIME = re.compile(r"(?:[T ,]{1,3}|\s-\s|\s(?:as|às)\s)\d{1,2}:\d{2}(?::\d{2})?(?:\s?[AaPp][Mm])?(?:[+-]\d\d:\d\d|Z)?")


@dataclass(slots=True)
class Pick:
    """One value on one page, with the score that it was chosen by."""

    view: View
    start: int
    end: int
    score: float

    @property
    def text(self) -> str:
        return " ".join(self.view.text[self.start : self.end].split())


def _self_evident(view: View, wanted: Wanted) -> Iterator[Pick]:
    """Values of a kind that shows: the party decides, a label and right check digits help."""
    labelled = {hit.start: hit for hit in hits(view, wanted)}
    for one in scan(view, wanted.kind)[:MAX_VALUES] if wanted.field is not None else ():
        if not one.proven and one.start not in labelled and not _labelled_bare(view, wanted, one.start):
            continue
        hit = labelled.pop(one.start, None)
        pick = _weigh(view, wanted, one.start, one.end, hit)
        if pick is not None:
            yield pick
    for hit in labelled.values():
        pick = _weigh(view, wanted, hit.start, hit.end, hit)
        if pick is not None:
            yield pick


def _labelled_bare(view: View, wanted: Wanted, start: int) -> bool:
    """A look that proves nothing needs no label when the kind allows no other reading (keys, lines, IBAN)."""
    if wanted.kind in ("access_key", "payment_line"):
        return True
    before = view.folded[max(0, start - 24) : start]
    names = ("cnpj", "cpf", "iban") if wanted.kind in ("cnpj", "cpf", "cpf_cnpj", "iban") else (wanted.kind,)
    return any(name in before and (wanted.kind not in ("cnpj", "cpf") or name == wanted.kind) for name in names)


def _weigh(view: View, wanted: Wanted, start: int, end: int, hit: Hit | None) -> Pick | None:
    label = hit.label if hit is not None else None
    if wanted.kind in PARTY_KINDS:
        share = party_score(view, wanted, start, label)
        if share is None:
            return None
        if wanted.side is None:
            # Nobody in particular: the issuer's comes first, as the document is his.
            issuer = Wanted(wanted.kind, (), None, "emitente", "issuer")
            share = 0.4 + 0.2 * (party_score(view, issuer, start, label) or 0.0)
    else:
        share = 0.5
    right = 0.08 if any(checks(view.text[start:end], wanted.kind).values()) else 0.0
    named = 0.0 if hit is None else 0.1 if wanted.kind in PARTY_KINDS else 0.3 * hit.score
    return Pick(view, start, end, 0.3 + 0.4 * share + right + named)


def _labelled(view: View, wanted: Wanted) -> Iterator[Pick]:
    for hit in hits(view, wanted):
        score = hit.score - (0.3 if wanted.last and _in_summary(view, hit.start) else 0.0)
        if wanted.side is not None and wanted.kind not in ("amount", "date"):
            share = party_score(view, wanted, hit.start, hit.label)
            if share is None:
                continue
            score += 0.2 * (share - 0.5)
        end = hit.end
        if wanted.kind == "date" and wanted.with_time and (match := _TIME.match(view.text, hit.end)):
            end = match.end()
        if score >= MIN_SCORE:
            yield Pick(view, hit.start, end, score)


def _dated(view: View) -> Iterator[Pick]:
    """`Nota Fiscal nº 123 de 01/02/2026`, `Facture n° 562044387 du 02 Juillet 2015`."""
    for match in islice(_DATED.finditer(view.folded), MAX_VALUES):
        span = read_at(view, "date", match.end(), len(view.text))
        if span is not None:
            yield Pick(view, *span, 0.6)


def _in_summary(view: View, start: int) -> bool:
    """Behind the heading of a tax summary, whose `total` is not the document's."""
    match = _SUMMARY.search(view.folded)
    return match is not None and start > match.start()


def _only_date(views: Sequence[View]) -> Iterator[Pick]:
    """The single day that a document names is its date, label or not."""
    found = [Pick(view, one.start, one.end, 0.4) for view in views for one in scan(view, "date")]
    if found and len({parse_date(pick.text) for pick in found}) == 1:
        yield found[0]


def picks(views: Sequence[View], wanted: Wanted) -> list[Pick]:
    """Every value that could be meant, best first; equal ones in reading order (the last first where totals are meant)."""
    found: list[Pick] = []
    wanted = strictly(views, wanted)
    for place, view in enumerate(views):
        if wanted.kind in SELF_EVIDENT:
            ours = list(_self_evident(view, wanted))
        elif wanted.kind == "name":
            ours = [Pick(view, hit.start, hit.end, hit.score) for hit in name_hits(view, wanted, place == 0)]
        else:
            ours = list(_labelled(view, wanted))
            ours += _dated(view) if _wants_issue_date(wanted) else ()
        for pick in ours:
            pick.score -= 0.0 if wanted.last else 0.001 * min(place, 100)
        found += ours
    if not found and _wants_issue_date(wanted):
        found = list(_only_date(views))
    if wanted.last:
        found.reverse()
        found.sort(key=lambda pick: -_height(pick))
    return sorted(found, key=lambda pick: -round(pick.score, 3))


def _height(pick: Pick) -> float:
    """How far down the document a value stands; pages count more than any place on them."""
    cell = pick.view.cell_at(pick.start)
    return pick.view.page.number * 1e6 + (cell.y0 if cell is not None else 0.0)


def _wants_issue_date(wanted: Wanted) -> bool:
    return wanted.field is not None and wanted.field.name == "issue_date"


def choose(views: Sequence[View], wanted: Wanted) -> Pick | None:
    """The value that was asked for; None when nothing on the pages speaks for one."""
    return next(iter(picks(views, wanted)), None)


def _identity(kind: str, text: str) -> str:
    return (
        alphanumerics(text)
        if kind in ("cnpj", "cpf", "cpf_cnpj", "access_key", "payment_line", "iban", "cep", "phone")
        else fold(text)
    )


def every(views: Sequence[View], wanted: Wanted) -> list[Pick]:
    """All distinct values, in reading order."""
    found = picks(views, wanted)
    if _wants_issue_date(wanted):
        found = [Pick(view, one.start, one.end, 1.0) for view in views for one in scan(view, "date")]
    order = {id(view): place for place, view in enumerate(views)}
    distinct: dict[str, Pick] = {}
    for pick in sorted(found, key=lambda pick: (order[id(pick.view)], pick.start)):
        distinct.setdefault(_identity(wanted.kind, pick.text), pick)
    return list(distinct.values())
