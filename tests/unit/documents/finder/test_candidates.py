"""Values that show their kind, and values at a place."""

import time

import pytest

from documents.finder.candidates import read_at, scan
from tests.unit.documents.finder.layouts import KEY, view


def found(kind: str, text: str, proven: bool | None = None) -> list[str]:
    return [text[one.start : one.end] for one in scan(view(text), kind) if proven is None or one.proven is proven]


@pytest.mark.parametrize(
    ("kind", "text", "values"),
    [
        (
            "cnpj",
            "CNPJ 11.222.333/0001-81, LW.NDT.383/0001-82 e 11222333/0001-81",
            ["11.222.333/0001-81", "LW.NDT.383/0001-82", "11222333/0001-81"],
        ),
        ("cpf", "CPF 529.982.247-25 RG 12.345.678-9", ["529.982.247-25"]),
        ("access_key", f"chave {KEY} fim", [KEY]),
        ("access_key", "42240302484555000343570020003396861082134657", ["42240302484555000343570020003396861082134657"]),
        ("access_key", "4" * 50, ["4" * 50]),
        ("access_key", "1234 " * 13, []),
        (
            "payment_line",
            "00190.50095 40144.816069 06809.350314 3 37370000000100",
            ["00190.50095 40144.816069 06809.350314 3 37370000000100"],
        ),
        ("email", "a@b.com, nome.sobrenome@empresa.com.br; x@y", ["a@b.com", "nome.sobrenome@empresa.com.br"]),
        ("phone", "Fone (11) 3881-7417 ou +55 11 99999-9999, CEP 01310-100", ["(11) 3881-7417", "+55 11 99999-9999"]),
        ("cep", "CEP 01310-100 e 18.047-607; fone 3881-7417", ["01310-100", "18.047-607"]),
        ("iban", "IBAN DE30507500940000048567 SWIFT", ["DE30507500940000048567"]),
        ("iban", "GB82 WEST 1234 5698 7654 32 BIC", ["GB82 WEST 1234 5698 7654 32"]),
        ("date", "em 01/02/2026 e 3 de abril de 2026", ["01/02/2026", "3 de abril de 2026"]),
        ("amount", "R$ 1.950,00 a 12,00% em 01/02/2026", ["1.950,00"]),
        ("text", "qualquer", []),
    ],
)
def test_scan(kind: str, text: str, values: list[str]) -> None:
    assert found(kind, text, proven=True if kind in ("cpf", "iban", "payment_line") else None) == values


def test_bare_numbers_prove_nothing_by_themselves() -> None:
    assert found("cnpj", "12345678901234", proven=True) == []
    assert found("cnpj", "11222333000181", proven=True) == ["11222333000181"], "right digits and a usual branch"
    assert found("cpf", "52998224725", proven=True) == []


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("amount", "R$ 1.950,00 total", "1.950,00"),
        ("amount", "RM 3.00", "3.00"),
        ("amount", "12,00 %", None),
        ("amount", "abc", None),
        ("code", "000.001.482 SÉRIE", "000.001.482"),
        ("code", "# BLR_WFLD2015", "BLR_WFLD2015"),
        ("code", "CS 10012", "CS 10012"),
        ("code", "INV/2023/03/0008.", "INV/2023/03/0008"),
        ("code", "sem", None),
        ("code", "O0- ENTRADA", None),
        ("code", "3526 0348 2917 3500 0148 5500 1000 0014 8214 0718 2636", None),  # a group of an access key
        ("digits", "135260000123456 - 01/02/2026", "135260000123456"),
        ("plate", "ABC-1D23", "ABC-1D23"),
        ("plate", "RB09832", "RB09832"),
        ("percent", "5,00% aplicada", "5,00%"),
        ("state", "SP", "SP"),
        ("date", "01/02/2026 10:00", "01/02/2026"),
        ("date", "hoje", None),
    ],
)
def test_read_at(kind: str, text: str, value: str | None) -> None:
    span = read_at(view(text), kind, 0, len(text))
    assert (text[span[0] : span[1]] if span else None) == value


@pytest.mark.parametrize(
    "kind", ["cnpj", "cpf_cnpj", "access_key", "payment_line", "email", "phone", "cep", "iban", "url", "date", "amount"]
)
@pytest.mark.parametrize("unit", ["1", "1234 ", "a@b.", "12.", "AB12 ", "(11) 9", "https://a", "8" * 11 + "-", "1.111", "A"])
def test_hostile_text_takes_linear_time(kind: str, unit: str) -> None:
    text = unit * (60_000 // len(unit))
    began = time.process_time()
    scan(view(text), kind)
    assert time.process_time() - began < 2
