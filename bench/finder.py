"""How much the built-in field finder gets right: `python -m bench.finder [corpus]`.

Three tables: Brazilian fiscal documents (field by field, with decoys that must stay null), generic invoices, and receipts
as text. The keys asked for are those that a user of such a document would write; every document is asked all keys of its
kind in one skeleton, whether or not its truth knows them. Ends with 1 when a target is missed.
"""

import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from rapidfuzz.fuzz import ratio

from documents.finder import find
from documents.parsed import Page
from documents.parsers.base import Context
from documents.parsers.registry import choose
from documents.skeleton import Skeleton
from documents.values import alphanumerics, digits, fold, parse_amount, parse_date

#: truth.json's name → the key that is asked for, by kind of document.
COMMON = {
    "chave": "chave_de_acesso",
    "numero": "numero",
    "serie": "serie",
    "emissao": "data_emissao",
    "valor_total": "valor_total",
    "protocolo": "protocolo",
}
KEYS: dict[str, dict[str, str]] = {
    "nfe": COMMON
    | {
        "emitente_id": "cnpj_emitente",
        "emitente_nome": "nome_emitente",
        "destinatario_id": "cnpj_cpf_destinatario",
        "destinatario_nome": "nome_destinatario",
        "valor_produtos": "valor_total_produtos",
        "natureza": "natureza_operacao",
    },
    "cte": COMMON
    | {
        "emitente_id": "cnpj_emitente",
        "emitente_nome": "nome_emitente",
        "remetente_id": "cnpj_remetente",
        "remetente_nome": "nome_remetente",
        "destinatario_id": "cnpj_cpf_destinatario",
        "destinatario_nome": "nome_destinatario",
        "valor_receber": "valor_a_receber",
        "valor_carga": "valor_carga",
    },
    "mdfe": COMMON
    | {
        "emitente_id": "cnpj_emitente",
        "emitente_nome": "nome_emitente",
        "placa": "placa",
        "condutor_nome": "nome_condutor",
        "condutor_cpf": "cpf_condutor",
    },
    "nfse": COMMON
    | {
        "emitente_id": "cnpj_prestador",
        "emitente_nome": "nome_prestador",
        "destinatario_id": "cnpj_cpf_tomador",
        "destinatario_nome": "nome_tomador",
        "competencia": "competencia",
        "valor_liquido": "valor_liquido",
        "issqn": "valor_issqn",
    },
    "cce": COMMON | {"emitente_id": "cnpj_emitente", "correcao": "correcao"},
}
DECOYS = ("iban", "passport_number", "linha_digitavel", "numero_contrato", "birth_date", "codigo_swift")
CRITICAL = {"emitente_id", "destinatario_id", "remetente_id", "chave", "valor_total"}
INVOICE_KEYS = {
    "amount": "total_amount",
    "date": "invoice_date",
    "invoice_number": "invoice_number",
    "date_due": "due_date",
    "iban": "iban",
    "amount_untaxed": "net_amount",
    "issuer": "issuer",
}
RECEIPT_KEYS = ("company", "date", "total")

Tally = dict[str, Counter[str]]


def read(path: Path) -> list[Page]:
    """The pages of a document, read in this process."""
    return [item for item in choose(path, path.name).parse(path, Context()) if isinstance(item, Page)]


def _identifier(found: str, true: str) -> bool:
    return alphanumerics(found) == alphanumerics(true)


def _amount(found: str, true: str) -> bool:
    return parse_amount(str(found)) == parse_amount(str(true))


def _number(found: str, true: str) -> bool:
    return alphanumerics(found).lstrip("0") == alphanumerics(true).lstrip("0")


def _text(found: str, true: str) -> bool:
    return fold(found).split() == fold(true).split()


def _day(found: str, true: str) -> bool:
    return (parse_date(found) or parse_date(found, month_first=True)) == parse_date(true) or parse_date(
        found, month_first=True
    ) == parse_date(true)


def _comparison(name: str) -> Callable[[str, str], bool]:
    if name in ("chave", "protocolo", "placa") or name.endswith(("_id", "_cpf")):
        return _identifier
    if name in ("numero", "serie"):
        return _number
    return _amount if name.startswith("valor") or name == "issqn" else _text


def _stands_in(value: Any, pages: Sequence[Page]) -> bool:
    return any(" ".join(str(value).split()) in " ".join(page.text.split()) for page in pages)


def fields(pages: Sequence[Page], truth: dict[str, Any]) -> dict[str, tuple[bool, Any]]:
    """{field of the truth: (answered rightly, answer)} for one Brazilian document, whatever its pages were read from."""
    keys = KEYS[truth["kind"]]
    answer, _ = find(Skeleton.parse(json.dumps(dict.fromkeys([*keys.values(), *DECOYS], ""))), "", pages)
    known = {name: (answer[key], truth["values"][name]) for name, key in keys.items() if name in truth["values"]}
    return {name: (found is not None and _comparison(name)(found, true), found) for name, (found, true) in known.items()}


def _score(tally: Tally, name: str, right: bool, missed: bool) -> None:
    tally[name]["right" if right else "missed" if missed else "wrong"] += 1


def brazil(folder: Path, complain: bool) -> tuple[Tally, int, int, int, float]:
    """(tally by field, values that are not in the document, decoys that were answered, pages, CPU seconds spent in find)."""
    tally: Tally = defaultdict(Counter)
    foreign = answered = pages_read = 0
    spent = 0.0
    for filename, truth in json.loads((folder / "truth.json").read_text("utf-8")).items():
        keys = KEYS[truth["kind"]]
        skeleton = Skeleton.parse(json.dumps(dict.fromkeys([*keys.values(), *DECOYS], "")))
        pages = read(folder / filename)
        began = time.process_time()
        answer, _ = find(skeleton, "", pages)
        spent += time.process_time() - began
        pages_read += len(pages)
        foreign += sum(value is not None and not _stands_in(value, pages) for value in answer.values())
        for decoy in DECOYS:
            answered += answer[decoy] is not None
            if complain and answer[decoy] is not None:
                print(f"  {filename}: {decoy} must be null, found {answer[decoy]!r}")
        for name, key in keys.items():
            found, true = answer[key], truth["values"].get(name)
            if true is not None:
                right = found is not None and _comparison(name)(found, true)
                _score(tally, f"{truth['kind']} {name}", right, found is None)
            elif truth["kind"] == "cce" and name in truth["not_printed"]:
                right = found is None
                _score(tally, f"{truth['kind']} {name} (absent)", right, False)
            else:
                continue
            if complain and not right:
                print(f"  {filename}: {name} wanted {true!r}, found {found!r}")
    return tally, foreign, answered, pages_read, spent


def invoices(folder: Path, complain: bool) -> Tally:
    """English, German, French, Dutch and Polish invoices; only fields whose true value stands in the text."""
    tally: Tally = defaultdict(Counter)
    for path in sorted((*folder.glob("*.pdf"), *folder.glob("*.txt"))):
        truth = json.loads(path.with_suffix(".json").read_text("utf-8"))[0]
        pages = read(path) if path.suffix == ".pdf" else [Page(1, path.read_text("utf-8"))]
        answer, _ = find(Skeleton.parse(json.dumps(dict.fromkeys(INVOICE_KEYS.values(), ""))), "", pages)
        for name, key in INVOICE_KEYS.items():
            true = truth.get(name)
            if true is None or not _printed(name, true, pages):
                continue
            found = answer[key]
            right = found is not None and (
                _amount(found, true)
                if name.startswith("amount")
                else _day(found, true)
                if name.startswith("date")
                else ratio(fold(found), fold(str(true))) >= 85
                if name == "issuer"
                else _identifier(found, str(true))
            )
            _score(tally, name, right, found is None)
            if complain and not right:
                print(f"  {path.name}: {name} wanted {true!r}, found {found!r}")
    return tally


def _printed(name: str, true: Any, pages: Sequence[Page]) -> bool:
    """Constants of a template need not stand in the document."""
    if name == "iban" or name == "invoice_number":
        return any(alphanumerics(str(true)) in alphanumerics(page.text) for page in pages)
    if name == "issuer":
        return any(fold(str(true)) in fold(page.text) for page in pages)
    if name.startswith("amount"):
        return any(digits(f"{Decimal(str(true)):.2f}") in digits(page.text) for page in pages)
    return True


def receipts(folder: Path, complain: bool) -> Tally:
    """Receipts given as lines of text."""
    tally: Tally = defaultdict(Counter)
    truths = json.loads((folder / "truth.json").read_text("utf-8"))
    skeleton = Skeleton.parse(json.dumps(dict.fromkeys(RECEIPT_KEYS, "")))
    for filename, lines in json.loads((folder / "boxtext.json").read_text("utf-8")).items():
        answer, _ = find(skeleton, "", [Page(1, "\n".join(lines))])
        for name in RECEIPT_KEYS:
            found, true = answer[name], truths[filename][name]
            right = found is not None and (
                _amount(found, true)
                if name == "total"
                else _day(found, true) or _identifier(found, true)
                if name == "date"
                else ratio(alphanumerics(found), alphanumerics(true)) >= 85
            )
            _score(tally, name, right, found is None)
            if complain and not right:
                print(f"  {filename}: {name} wanted {true!r}, found {found!r}")
    return tally


def _share(counters: Iterable[Counter[str]]) -> tuple[int, int]:
    total: Counter[str] = sum(counters, Counter())
    return total["right"], sum(total.values())


def _print(title: str, tally: Tally) -> None:
    print(f"\n{title}\n{'field':34} {'right':>6} {'missed':>6} {'wrong':>6} {'share':>7}")
    for name, counter in sorted(tally.items()):
        right, total = _share([counter])
        print(f"{name:34} {right:6} {counter['missed']:6} {counter['wrong']:6} {right / total:7.1%}")
    right, total = _share(tally.values())
    print(f"{'all':34} {right:6} {'':6} {total - right:6} {right / max(total, 1):7.1%}")


def main(arguments: list[str]) -> int:
    complain = "-v" in arguments
    names = [argument for argument in arguments if not argument.startswith("-")]
    root = Path(names[0]) if names else Path(__file__).resolve().parents[1] / ".." / "shared" / "corpus" / "brazil"
    tally, foreign, answered, pages, spent = brazil(root, complain)
    _print("Brazilian fiscal documents", tally)
    right, total = _share(counter for name, counter in tally.items() if name.split()[1] in CRITICAL and "absent" not in name)
    print(
        f"\nCNPJ/CPF, chave, valor_total: {right}/{total} = {right / total:.2%} · values not in the document: {foreign}"
        f" · decoys answered: {answered}"
    )
    print(f"find(): {1000 * spent / pages:.2f} ms of CPU a page")
    if (root.parent / "invoices").is_dir():
        _print("Invoices (en, de, fr, nl, pl)", invoices(root.parent / "invoices", complain))
    if (root.parent / "sroie").is_dir():
        _print("Receipts (text of SROIE)", receipts(root.parent / "sroie", complain))
    return 0 if right >= 0.98 * total and foreign == answered == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
