"""Documents with known values: what is asked of each, what is true, and when an answer counts as right.

A folder says by its files what it is: `truth.json` with `values` for fiscal documents, with `company` for receipts, or a
`NAME.json` beside each NAME.pdf for invoices.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from PIL import Image
from pypdfium2 import PdfDocument
from rapidfuzz.fuzz import ratio
from reportlab.pdfgen.canvas import Canvas

from documents.values import alphanumerics, fold, parse_amount, parse_date

#: truth.json's name → the key that is asked for, by kind of document.
COMMON = {
    "chave": "chave_de_acesso", "numero": "numero", "serie": "serie", "emissao": "data_emissao",
    "valor_total": "valor_total", "protocolo": "protocolo",
}  # fmt: skip
FISCAL: dict[str, dict[str, str]] = {
    "nfe": COMMON | {
        "emitente_id": "cnpj_emitente", "emitente_nome": "nome_emitente",
        "destinatario_id": "cnpj_cpf_destinatario", "destinatario_nome": "nome_destinatario",
        "valor_produtos": "valor_total_produtos", "natureza": "natureza_operacao",
    },
    "cte": COMMON | {
        "emitente_id": "cnpj_emitente", "emitente_nome": "nome_emitente",
        "remetente_id": "cnpj_remetente", "remetente_nome": "nome_remetente",
        "destinatario_id": "cnpj_cpf_destinatario", "destinatario_nome": "nome_destinatario",
        "valor_receber": "valor_a_receber", "valor_carga": "valor_carga",
    },
    "mdfe": COMMON | {
        "emitente_id": "cnpj_emitente", "emitente_nome": "nome_emitente", "placa": "placa",
        "condutor_nome": "nome_condutor", "condutor_cpf": "cpf_condutor",
    },
    "nfse": COMMON | {
        "emitente_id": "cnpj_prestador", "emitente_nome": "nome_prestador",
        "destinatario_id": "cnpj_cpf_tomador", "destinatario_nome": "nome_tomador",
        "competencia": "competencia", "valor_liquido": "valor_liquido", "issqn": "valor_issqn",
    },
    "cce": COMMON | {"emitente_id": "cnpj_emitente", "correcao": "correcao"},
}  # fmt: skip
DECOYS = ("iban", "passport_number", "linha_digitavel", "numero_contrato", "birth_date", "codigo_swift")
INVOICE = {
    "amount": "total_amount", "date": "invoice_date", "invoice_number": "invoice_number", "date_due": "due_date",
    "iban": "iban", "amount_untaxed": "net_amount", "issuer": "issuer",
}  # fmt: skip
INVOICE_DECOYS = ("passport_number", "chave_de_acesso", "birth_date")
RECEIPT = ("company", "date", "total")
RECEIPT_DECOYS = ("iban", "chave_de_acesso", "birth_date")
CRITICAL = ("emitente_id", "destinatario_id", "remetente_id", "chave", "valor_total")
SCAN_DPI = 200
DARK = 150  # grey level of print; what covers it is lighter
LEAST_INK = 0.06  # share of the box of a letter

Same = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Truth:
    """One document. `asked` names every key that is asked for; `values` holds what is true, by key, where that is known.

    `texts` must stand in what is read: whole values, or (`by_words`) the words of its lines.
    """

    path: Path
    asked: tuple[str, ...]
    values: dict[str, str]
    decoys: tuple[str, ...]
    same: dict[str, Same]
    texts: tuple[str, ...]
    by_words: bool = False
    critical: frozenset[str] = frozenset()

    def is_printed(self, key: str, letters: str) -> bool:
        """Whether a known value can stand in a document with these `letters` and digits: templates have constants of their own."""
        if self.same[key] is same_day:
            return True
        true = self.values[key]
        return alphanumerics(f"{parse_amount(true):.2f}" if self.same[key] is same_amount else true) in letters


def truths_in(folder: Path) -> tuple[str, list[Truth]]:
    """(title, documents) of a folder. Raises ValueError for one without known values."""
    file = folder / "truth.json"
    if not file.is_file():
        if documents := list(_invoices(folder)):
            return "invoices", documents
        raise ValueError(f"{folder} has no truth.json and no document with a .json beside it")
    known = json.loads(file.read_text("utf-8"))
    if "values" in next(iter(known.values())):
        return "fiscal documents", list(_fiscal(folder, known))
    return "receipts", list(_receipts(folder, known))


def _fiscal(folder: Path, known: dict) -> Iterator[Truth]:
    for name, truth in known.items():
        keys = FISCAL[truth["kind"]]
        values = {key: truth["values"][field] for field, key in keys.items() if field in truth["values"]}
        same = {key: _fiscal_comparison(field) for field, key in keys.items()}
        critical = frozenset(keys[field] for field in CRITICAL if field in keys)
        texts = tuple(map(str, truth["values"].values()))
        yield Truth(folder / name, tuple(keys.values()), values, DECOYS, same, texts, critical=critical)


def _invoices(folder: Path) -> Iterator[Truth]:
    """English, German, French, Dutch and Polish; constants of a template need not be printed, so they are not texts."""
    for path in sorted((*folder.glob("*.pdf"), *folder.glob("*.txt"))):
        beside = path.with_suffix(".json")
        if not beside.is_file():
            continue
        truth = json.loads(beside.read_text("utf-8"))[0]
        values = {key: str(truth[field]) for field, key in INVOICE.items() if truth.get(field) is not None}
        same: dict[str, Same] = {
            key: same_amount if field.startswith("amount") else same_day if field.startswith("date") else same_identifier
            for field, key in INVOICE.items()
        }
        yield Truth(path, tuple(INVOICE.values()), values, INVOICE_DECOYS, same | {"issuer": same_name}, ())


def _receipts(folder: Path, known: dict) -> Iterator[Truth]:
    lines = json.loads((folder / "boxtext.json").read_text("utf-8"))
    same = {"company": same_name, "date": same_day, "total": same_amount}
    for name, truth in known.items():
        values = {key: truth[key] for key in RECEIPT}
        yield Truth(folder / name, RECEIPT, values, RECEIPT_DECOYS, same, tuple(lines[name]), by_words=True)


def as_scan(truth: Truth, folder: Path) -> Truth:
    """The same document as a PDF that holds nothing but pictures of its pages, and of its truth what these show."""
    scan = folder / truth.path.name
    scan.write_bytes(scanned(truth.path))
    hidden = covered(truth.path, (*truth.values.values(), *truth.texts))
    values = {key: value for key, value in truth.values.items() if value not in hidden}
    return replace(truth, path=scan, values=values, texts=tuple(text for text in truth.texts if text not in hidden))


def covered(path: Path, texts: Iterable[str]) -> frozenset[str]:
    """Those of the texts that stand in the PDF but that nobody sees: at every place something is painted over a letter."""
    places: dict[str, list[bool]] = {}
    document = PdfDocument(path)
    for page in document:
        scale, height = SCAN_DPI / 72, page.get_height()
        picture, layer = page.render(scale=scale, grayscale=True).to_pil(), page.get_textpage()
        letters = [(index, one) for index, letter in enumerate(layer.get_text_range()) for one in alphanumerics(letter)]
        line = "".join(one for _, one in letters)
        for text in texts:
            wanted = alphanumerics(text)
            for match in re.finditer(re.escape(wanted), line) if wanted else ():
                boxes = (layer.get_charbox(index) for index, _ in letters[match.start() : match.end()])
                shown = all(_has_ink(picture, scale, height, *box) for box in boxes)
                places.setdefault(text, []).append(shown)
    document.close()
    return frozenset(text for text, shown in places.items() if not any(shown))


def _has_ink(picture: Image.Image, scale: float, height: float, left: float, bottom: float, right: float, top: float) -> bool:
    box = (int(left * scale), int((height - top) * scale), int(right * scale) + 1, int((height - bottom) * scale) + 1)
    levels = picture.crop(box).histogram()
    return sum(levels[:DARK]) >= LEAST_INK * sum(levels)


def scanned(path: Path, pages: int | None = None, dpi: int = SCAN_DPI) -> bytes:
    """The first `pages` as a PDF that holds nothing but their pictures."""
    document, buffer = PdfDocument(path), io.BytesIO()
    canvas = Canvas(buffer)
    for page in islice(document, pages):
        width, height = page.get_size()
        canvas.setPageSize((width, height))
        canvas.drawInlineImage(page.render(scale=dpi / 72, grayscale=True).to_pil(), 0, 0, width, height)
        canvas.showPage()
    document.close()
    canvas.save()
    return buffer.getvalue()


def same_identifier(found: str, true: str) -> bool:
    return alphanumerics(found) == alphanumerics(true)


def same_number(found: str, true: str) -> bool:
    return alphanumerics(found).lstrip("0") == alphanumerics(true).lstrip("0")


def same_amount(found: str, true: str) -> bool:
    return parse_amount(found) is not None and parse_amount(found) == parse_amount(true)


def same_text(found: str, true: str) -> bool:
    return fold(found).split() == fold(true).split()


def same_name(found: str, true: str) -> bool:
    return ratio(alphanumerics(found), alphanumerics(true)) >= 85


def same_day(found: str, true: str) -> bool:
    days = [{parse_date(text), parse_date(text, month_first=True)} - {None} for text in (found, true)]
    return bool(days[0] & days[1]) or same_identifier(found, true)


def _fiscal_comparison(field: str) -> Same:
    if field in ("chave", "protocolo", "placa") or field.endswith(("_id", "_cpf")):
        return same_identifier
    if field in ("numero", "serie"):
        return same_number
    return same_amount if field.startswith("valor") or field == "issqn" else same_text
