"""Whose block a value stands in."""

import pytest

from documents.finder.parties import HEADER, NEUTRAL, Heading, block_of, party_score
from documents.finder.vocabulary import KEY_PARTIES
from documents.finder.wanted import Wanted
from documents.parsed import Page
from tests.unit.documents.finder.layouts import DANFE, form, view


def block(page: Page | str, text: str) -> frozenset[str] | str:
    seen = view(page)
    found = block_of(seen, seen.text.index(text))
    return found.parties if isinstance(found, Heading) else found


def share(page: Page | str, text: str, party: str) -> float | None:
    seen = view(page)
    return party_score(seen, Wanted("cnpj", (), None, party, KEY_PARTIES[party]), seen.text.rindex(text), None)


def test_blocks_of_a_fiscal_document() -> None:
    assert block(DANFE, "48.291.735") == HEADER
    assert block(DANFE, "Bento Doces e") == {"destinatario", "remetente"}
    assert block(DANFE, "171,60") == NEUTRAL
    assert block(DANFE, "Rápido Sul") == {"transportador"}


def test_a_sentence_that_names_a_party_opens_no_block() -> None:
    assert block(DANFE, "Avenida Paulista") == HEADER
    assert share(DANFE, "48.291.735/0001-48", "emitente") == 0.5
    seen = view(DANFE)
    slip = seen.text.index("30.551.882")
    assert party_score(seen, Wanted("cnpj", (), None, "emitente", "issuer"), slip, None) is None, (
        "the slip's sentence speaks of the recipient"
    )


def test_two_blocks_beside_each_other() -> None:
    page = form(
        (10, 10, "REMETENTE Alfa Ltda"),
        (300, 10, "DESTINATÁRIO Beta SA"),
        (10, 22, "CNPJ 11.222.333/0001-81"),
        (300, 22, "CNPJ 30.551.882/0001-44"),
    )
    assert share(page, "11.222.333", "remetente") == 0.95 and share(page, "11.222.333", "destinatario") is None
    assert share(page, "30.551.882", "destinatario") == 0.95 and share(page, "30.551.882", "remetente") is None


def test_a_title_centred_over_its_block() -> None:
    page = form(
        (100, 10, "VEÍCULOS"),
        (420, 10, "CONDUTORES"),
        (10, 22, "PLACA"),
        (300, 22, "CPF"),
        (10, 34, "ABC1D23"),
        (300, 34, "529.982.247-25"),
    )
    assert block(page, "529.982") == {"condutores"}
    assert block(page, "ABC1D23") == NEUTRAL


@pytest.mark.parametrize(
    ("text", "party", "expected"),
    [
        ("CNPJ Destinatário: 11.222.333/0001-81", "destinatario", 1.0),
        ("CNPJ Destinatário: 11.222.333/0001-81", "emitente", None),
        ("CNPJ do tomador: 11.222.333/0001-81", "cliente", 0.8),
        ("CNPJ: 11.222.333/0001-81", "emitente", 0.5),
        ("CNPJ: 11.222.333/0001-81", "destinatario", None),
        ("Bill to:\nACME 11.222.333/0001-81", "customer", 0.8),
        ("Recebi de Joaquim, CPF 11.222.333/0001-81, a importância de R$ 1,00", "pagador", 1.0),
    ],
)
def test_party_score(text: str, party: str, expected: float | None) -> None:
    assert share(text, "11.222.333", party) == expected


def test_a_company_called_after_its_trade_is_no_heading() -> None:
    assert block("Transportadora Alfa Ltda\nRua A, 1\nCNPJ 11.222.333/0001-81", "11.222") == HEADER
    assert block("Transportadora: Alfa Ltda\nCNPJ 11.222.333/0001-81", "11.222") == {"transportadora"}
