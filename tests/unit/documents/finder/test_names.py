"""Names of parties."""

import pytest

from documents.finder.names import name_hits
from documents.finder.wanted import resolve
from documents.parsed import Page
from documents.skeleton import Leaf
from tests.unit.documents.finder.layouts import DANFE, form, view


def name(page: Page | str, key: str) -> str | None:
    seen = view(page)
    wanted = resolve(Leaf("/k", key, (), "string"), "", False)
    found = sorted(name_hits(seen, wanted, True), key=lambda hit: -hit.score)
    return " ".join(seen.text[found[0].start : found[0].end].split()) if found else None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("nome_emitente", "Papelaria Aurora Ltda"),
        ("nome_destinatario", "Bento Doces e Salgados Ltda"),
        ("transportadora", "Rápido Sul Ltda"),
        ("nome_recebedor", None),
    ],
)
def test_names_of_a_fiscal_document(key: str, expected: str | None) -> None:
    assert name(DANFE, key) == expected


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("CONTRATANTE: Aurora S/A, inscrita no CNPJ sob o nº 11.222.333/0001-81", "contratante", "Aurora S/A"),
        ("Sold By : WS Retail Pvt. Ltd.,", "seller", "WS Retail Pvt. Ltd."),
        ("Bill to:\nAnushrut Singh\n3 Main Street", "customer_name", "Anushrut Singh"),
        ("REMETENTE INDUSTRIA DE TESTE", "nome_remetente", "INDUSTRIA DE TESTE"),
        ("Cliente: Maria da Silva CPF: 529.982.247-25", "cliente", "Maria da Silva"),
        ("Nome: Maria da Silva", "nome", "Maria da Silva"),
        ("Remetente:\nCNPJ:\n", "nome_remetente", None),
        ("Maria da Silva veio ontem", "cliente", None),
    ],
)
def test_names_beside_labels_and_headings(text: str, key: str, expected: str | None) -> None:
    assert name(text, key) == expected


def test_the_letterhead_names_the_issuer() -> None:
    text = (
        "TAX INVOICE\n3180303\nHOME MASTER HARDWARE &\nELECTRICAL\n"
        "NO.113G, JALAN SETIA\n40170 SELANGOR\nGST REG NO. :001637511168\n\nTotal 1.00"
    )
    assert name(text, "company") == "HOME MASTER HARDWARE & ELECTRICAL"
    assert name("ACME TRADING SDN BHD (126926-H)\n3 Jalan Kancil 12\nTEL: 03-2093 7358", "company") == "ACME TRADING SDN BHD"


def test_two_letterheads_are_a_guess_and_so_nobody() -> None:
    page = form(
        (10, 10, "Alfa Norte"),
        (10, 22, "12 Main Street"),
        (10, 34, "Tel (11) 3881-7417"),
        (300, 10, "Beta Sul"),
        (300, 22, "9 High Street"),
        (300, 34, "Tel (11) 3881-7418"),
    )
    assert name(page, "issuer") is None


def test_a_name_under_a_heading_may_begin_with_a_party_word() -> None:
    page = form(
        (10, 10, "CPF"),
        (200, 10, "CONDUTORES"),
        (10, 22, "529.982.247-25"),
        (200, 22, "Condutor da Silva"),
        (10, 34, "111.222.333-44"),
        (200, 34, "Condutor Dois"),
    )
    assert name(page, "nome_condutor") == "Condutor da Silva"


@pytest.mark.parametrize(
    ("page", "key", "expected"),
    [
        (form((10, 10, "TRANSPORTADOR / VOLUMES TRANSPORTADOS"), (10, 40, "NOME / RAZÃO SOCIAL")), "transportador", None),
        (form((10, 10, "TOMADOR NÃO IDENTIFICADO NA NFS-e")), "tomador", None),
        (
            form((10, 10, "BREWERY    TAP"), (10, 24, "Lot 5, Jalan Plaza 9"), (10, 38, "TEL: +603-62629219")),
            "company",
            "BREWERY TAP",
        ),
        (
            form((10, 10, "Casa Azul Ltda    INVOICE"), (10, 24, "Rua Nova, 9"), (10, 38, "TEL: +603-62629219")),
            "company",
            "Casa Azul Ltda",
        ),
        (
            form((10, 10, "ENTERPRISE (SETIA"), (10, 24, "Lot 5, Jalan Plaza 9"), (10, 38, "TEL: +603-62629219")),
            "company",
            None,
        ),
    ],
)
def test_a_name_is_whole_or_absent(page: Page, key: str, expected: str | None) -> None:
    assert name(page, key) == expected
