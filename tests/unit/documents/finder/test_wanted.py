"""What keys ask for, in many styles, with and without a question."""

import pytest

from documents.finder.wanted import canonical, resolve, split_words
from documents.skeleton import Leaf


def leaf(key: str, above: tuple[str, ...] = (), type_: str = "string", hint: str | None = None) -> Leaf:
    return Leaf(f"/{key}", key, above, type_, hint)


def asked(
    key: str, question: str = "", above: tuple[str, ...] = (), alone: bool = False, hint: str | None = None
) -> tuple[str | None, str, str | None]:
    wanted = resolve(leaf(key, above, hint=hint), question, alone)
    assert wanted is not None
    return (wanted.field.name if wanted.field else None), wanted.kind, wanted.party


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("cnpjEmitente", ["cnpj", "emitente"]),
        ("CNPJ do emitente", ["cnpj", "do", "emitente"]),
        ("data_emissao", ["data", "emissao"]),
        ("e-mail", ["e", "mail"]),
        ("numeroNFe", ["numero", "nfe"]),
        ("razãoSocial", ["razao", "social"]),
        ("CNPJs", ["cnpjs"]),
        ("", []),
    ],
)
def test_keys_in_any_style_are_words(key: str, words: list[str]) -> None:
    assert split_words(key) == words


def test_words_become_canonical_and_empty_ones_go() -> None:
    assert canonical(["the", "invoice", "number"]) == ["nota", "numero"]
    assert canonical(["telefones"]) == ["telefone"]


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("cnpj", "cnpj"),
        ("CNPJ", "cnpj"),
        ("chave_acesso", "access_key"),
        ("chaveDeAcesso", "access_key"),
        ("accessKey", "access_key"),
        ("valorTotal", "total"),
        ("total_amount", "total"),
        ("amount_due", "total"),
        ("grand_total", "total"),
        ("Valor total da nota", "total"),
        ("invoice_number", "number"),
        ("numero_nota_fiscal", "number"),
        ("numeroNFe", "number"),
        ("data_emissao", "issue_date"),
        ("issueDate", "issue_date"),
        ("date", "issue_date"),
        ("dueDate", "due_date"),
        ("vencimento", "due_date"),
        ("linha_digitavel", "payment_line"),
        ("razao_social", "name"),
        ("e-mail", "email"),
        ("telefone", "phone"),
        ("CEP", "cep"),
        ("zip_code", "cep"),
        ("IBAN", "iban"),
        ("placa", "plate"),
        ("protocolo", "protocol"),
        ("serie", "series"),
        ("natureza da operação", "nature"),
        ("valor_liquido", "net_total"),
        ("order_id", "order"),
        ("valor_a_receber", "receivable"),
        ("cpf_cnpj", "cpf_cnpj"),
    ],
)
def test_keys_name_fields(key: str, field: str | None) -> None:
    assert asked(key)[0] == field


@pytest.mark.parametrize(
    ("key", "kind", "party"),
    [
        ("cnpjEmitente", "cnpj", "emitente"),
        ("cnpj_cpf_destinatario", "cpf_cnpj", "destinatario"),
        ("nome_cliente", "name", "cliente"),
        ("emitente", "name", "emitente"),
        ("supplier_name", "name", "supplier"),
        ("company", "name", "company"),
        ("cpf_do_motorista", "cpf", "motorista"),
    ],
)
def test_keys_name_parties(key: str, kind: str, party: str) -> None:
    assert asked(key)[1:] == (kind, party)


def test_a_key_with_a_word_too_many_is_not_the_plain_field() -> None:
    assert asked("valor_icms_st") == (None, "amount", None)
    assert asked("numero_apolice") == (None, "code", None)
    assert asked("data_de_assinatura") == (None, "date", None)
    wanted = resolve(leaf("numero_apolice"), "", False)
    assert ("apolice",) in wanted.phrases and ("numero",) not in wanted.phrases


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Qual o CNPJ do emitente?", ("cnpj", "cnpj", "emitente")),
        ("What is the total?", ("total", "amount", None)),
        ("When is it due?", ("due_date", "date", None)),
        ("Who is the supplier?", ("name", "name", "supplier")),
        ("Qual o número da apólice?", (None, "code", None)),
        ("Qual o valor do frete?", ("freight", "amount", None)),
    ],
)
@pytest.mark.parametrize("key", ["resposta", "answer", "valor", "value"])
def test_a_generic_key_leaves_it_to_the_question(key: str, question: str, expected: tuple) -> None:
    assert asked(key, question, alone=True) == expected


def test_valor_is_a_field_when_it_is_not_alone() -> None:
    assert asked("valor", "Extraia o CNPJ e o valor")[0] == "total"


@pytest.mark.parametrize(
    ("key", "question", "party"),
    [
        ("CNPJ", "Extraia o CNPJ do emitente e o nome do destinatário", "emitente"),
        ("nome", "Extraia o CNPJ do emitente e o nome do destinatário", "destinatario"),
        ("nome", "Extraia o nome e o CNPJ do tomador", "tomador"),
        ("cnpj", "Supplier CNPJ and customer name", "supplier"),
        ("name", "Supplier CNPJ and customer name", "customer"),
        ("cnpj", "Qual é o CPF do pagador, o valor, a data e o CNPJ de quem recebeu?", None),
        ("cnpj", "Dados do cliente", "cliente"),
        ("cnpj", "Dados do cliente e do fornecedor", None),
        ("CNPJ", "Extraia o número do CNPJ", None),
    ],
)
def test_the_party_of_a_key_may_stand_in_the_question(key: str, question: str, party: str | None) -> None:
    assert asked(key, question)[2] == party


def test_the_party_may_stand_in_the_object_above_or_in_the_hint() -> None:
    assert asked("cnpj", "CNPJ do emitente", above=("destinatario",))[2] == "destinatario"
    assert asked("cnpj", hint="CNPJ do tomador")[2] == "tomador"
    assert asked("campo", hint="data de vencimento", alone=True)[0] == "due_date"


def test_totals_have_no_party() -> None:
    assert asked("valor_total", "Qual o valor total do fornecedor?")[2] is None


def test_a_number_leaf_of_an_unknown_key_is_an_amount() -> None:
    assert resolve(leaf("multa", type_="number"), "", False).kind == "amount"
    assert resolve(leaf("multa"), "", False).kind == "text"


def test_time_is_wanted_when_it_is_asked_for() -> None:
    assert resolve(leaf("data_hora_emissao"), "", False).with_time
    assert not resolve(leaf("data_emissao"), "", False).with_time
