"""From a stored file to a `ParsedDocument`: collects what the sandbox sends and says what kind of text it is."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from functools import cache
from pathlib import Path
from typing import Literal

from core.errors import EmptyDocument
from documents.parsed import Notice, Page, ParsedDocument, SealedPage, Total
from documents.parsers.base import Context
from documents.sandbox.client import Kind, Sandbox

SAMPLE = 20_000  # characters of a document that tell its language
LEAST_HITS, LEAD = 3, 1.2  # stop words that must be found, and how far ahead of the next language
LONGEST_LIST = 20  # ranges of pages in one notice
WORD = re.compile(r"[^\W\d_]+")

# Frequent words that tell these from each other; what all share (a, de, que, se) tells nothing.
STOP_WORDS = {
    "pt": frozenset(
        (
            "o os do da dos das em no na nos nas ao à às um uma é não são você seu sua pelo pela mais ou foi também "
            "com data valor número nota endereço município emissão até já quando então isso esta este"
        ).split()
    ),
    "en": frozenset(
        (
            "the and of to is in for on with that this by from are was be it as at or an which not have has will shall "
            "your you we our invoice date number amount due total"
        ).split()
    ),
    "es": frozenset(
        (
            "el los las del y en un una es con por su sus al lo como más pero fue son está según fecha número "
            "dirección usted este esta cuando también hasta ya muy donde"
        ).split()
    ),
    "fr": frozenset(
        (
            "le la les des du et un une est dans pour par sur avec au aux ce cette qui ne pas vous votre vos nous notre nos "
            "sont été facture montant numéro adresse échéance payer règlement ou où il elle"
        ).split()
    ),
    "de": frozenset(
        (
            "der die das und den dem des ein eine einer eines ist in im für von vom mit zu zum zur auf bei nach nicht sie ihr "
            "ihre ihnen wir uns unser bitte werden wird sind rechnung datum betrag nummer straße kunde bis an als auch"
        ).split()
    ),
    "nl": frozenset(
        (
            "de het een en van voor met op aan bij naar niet u uw wij ons onze is zijn wordt worden door dit deze dat te om of "
            "factuur datum bedrag nummer klant betaling dagen binnen als ook bedankt"
        ).split()
    ),
    "it": frozenset(
        (
            "il lo la gli le di del della dei delle degli e un una è per con nel nella sul sulla da dal dalla che non al alla "
            "sono fattura importo numero indirizzo scadenza pagamento si suo nostro vostro ha essere"
        ).split()
    ),
}


@cache
def _readers() -> str:
    """What the readers are: the digest of their source."""
    sources = sorted(Path(__file__).parent.joinpath("parsers").glob("*.py"))
    return hashlib.blake2b(b"".join(path.read_bytes() for path in sources)).hexdigest()


def reader_of(context: Context, filename: str) -> str:
    """The same for two files of the same bytes only if the same would be read from both: 16 hex digits."""
    told = f"{_readers()} {context!r} {Path(filename).suffix.lower()}"
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


async def extract(sandbox: Sandbox, path: Path, filename: str, on_progress: Callable[[int, int], None]) -> ParsedDocument:
    """Reads a document in the sandbox; `on_progress(done, total)` counts pages, those that could not be read too.

    Raises what `Sandbox.parse` raises, and EmptyDocument when no page has text.
    """
    content_type, total = "", 0
    pages: list[SealedPage] = []
    notices: list[Notice] = []
    seen: set[int] = set()
    async with aclosing(sandbox.parse(path, filename)) as items:
        async for item in items:
            match item:
                case Kind():
                    content_type = item.content_type
                case Total():
                    total = item.pages
                    on_progress(len(seen), total)
                case SealedPage():
                    pages.append(item)
                    seen.add(item.number)
                    on_progress(len(seen), max(total, len(seen)))
                case Notice():
                    notices.append(item)
                    if item.page is not None and item.page not in seen:
                        seen.add(item.page)
                        on_progress(len(seen), max(total, len(seen)))
    page_total = max([total, len(seen), *seen])
    if not any(page.text.strip() for page in pages):
        raise _empty(page_total)
    notices += unread(page_total, pages, notices)
    return ParsedDocument(content_type, tuple(pages), page_total, tuple(notices), language(pages), text_source(pages))


def unread(page_total: int, pages: Iterable[Page | SealedPage], notices: Iterable[Notice]) -> list[Notice]:
    """One notice that names the pages which are missing and of which no other notice speaks; none when there are none."""
    known = {page.number for page in pages} | {notice.page for notice in notices}
    missing = [number for number in range(1, page_total + 1) if number not in known]
    if not missing:
        return []
    return [Notice("pages_unread", f"Not read: {'pages' if len(missing) > 1 else 'page'} {ranges(missing)}.")]


def ranges(numbers: Sequence[int]) -> str:
    """Rising numbers as people write them: `[1, 2, 3, 7]` is `1-3, 7`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    texts = [f"{first}-{last}" if last > first else str(first) for first, last in spans]
    return ", ".join(texts[:LONGEST_LIST]) + (f" and {len(texts) - LONGEST_LIST} more" if len(texts) > LONGEST_LIST else "")


def text_source(pages: Iterable[Page | SealedPage]) -> Literal["native", "ocr", "mixed"]:
    """Where the text came from, of the pages that have any."""
    sources = {page.source for page in pages if page.text.strip()}
    if len(sources) > 1:
        return "mixed"
    return "ocr" if sources == {"ocr"} else "native"


def language(pages: Iterable[Page | SealedPage]) -> str | None:
    """`pt`, `en`, `es`, `fr`, `de`, `nl` or `it` by its stop words; None when none of them clearly wins."""
    sample, length = [], 0
    for page in pages:
        sample.append(page.text[: SAMPLE - length])
        length += len(sample[-1])
        if length >= SAMPLE:
            break
    counts = Counter(WORD.findall(" ".join(sample).lower()))
    known = [(sum(map(counts.__getitem__, stop & counts.keys())), name) for name, stop in STOP_WORDS.items()]
    hits = sorted(known, reverse=True)
    (best, name), (second, _) = hits[:2]
    return name if best >= LEAST_HITS and best >= LEAD * second else None


def _empty(page_total: int) -> EmptyDocument:
    where = "Its page has" if page_total == 1 else f"None of its {page_total} pages has" if page_total else "It has"
    none = "no " if page_total <= 1 else ""
    return EmptyDocument(
        f"{where} {none or 'any '}text that could be read.",
        hint="Scan it at 200 dpi or more, the right way up and evenly lit, and upload it again.",
    )
