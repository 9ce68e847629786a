import pytest

from documents.skeleton.coercion import MISMATCH, clean_text, means_nothing, to_scalar
from documents.skeleton.nodes import Scalar


@pytest.mark.parametrize(
    "kind, value, wanted",
    [
        ("string", 12.5, "12.5"),
        ("string", 7, "7"),
        ("string", True, "true"),
        ("string", "  x ", "x"),
        ("string", ["x"], "x"),
        ("string", 10**43, "1" + "0" * 43),
        ("string", {}, None),
        ("string", {"a": 1}, MISMATCH),
        ("string", ["a", "b"], MISMATCH),
        ("number", "R$ 1.234,56", 1234.56),
        ("number", "1,234.56", 1234.56),
        ("number", "1.234", 1234),
        ("number", "27,80", 27.8),
        ("number", "(10,00)", -10.0),
        ("number", "12%", 12),
        ("number", "1e3", 1000),
        ("number", 3, 3),
        ("number", 12.5, 12.5),
        ("number", "12 meses", MISMATCH),
        ("number", True, MISMATCH),
        ("number", 2**53 + 1, MISMATCH),
        ("number", "9" * 17, MISMATCH),
        ("number", float("nan"), None),
        ("number", "", None),
        ("integer", 3.0, 3),
        ("integer", 3.5, MISMATCH),
        ("integer", "3", 3),
        ("integer", "3,00", 3),
        ("integer", "3,50", MISMATCH),
        ("boolean", "sim", True),
        ("boolean", "Não", False),
        ("boolean", 1, True),
        ("boolean", "talvez", MISMATCH),
        ("boolean", False, False),
        ("any", 5, 5),
        ("any", "x", "x"),
        ("any", True, True),
        ("any", 10**30, str(10**30)),
        ("any", [1, 2], MISMATCH),
    ],
)
def test_types_change_only_without_loss(kind, value, wanted):
    scalar = to_scalar(Scalar(kind), value)
    assert scalar == wanted and type(scalar) is type(wanted)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", "—", "N/A", "n.a.", "null", "None", "Não informado", "NÃO ENCONTRADO.", "<not found>", "(não consta)", "???"],
)
def test_words_for_nothing_are_null(text):
    assert means_nothing(text)
    assert to_scalar(Scalar("string"), text) is to_scalar(Scalar("number"), text) is None


@pytest.mark.parametrize("text", ["NA", "0", "Nada consta em 2026", "Nulo Silva", "-5"])
def test_words_that_may_be_values_are_kept(text):
    assert to_scalar(Scalar("string"), text) == text


@pytest.mark.parametrize(
    "value, wanted", [("PAGO", "pago"), ("pago", "pago"), ("N/A", "N/A"), ("outro", MISMATCH), (1, "1"), ("não", "Não")]
)
def test_choices_are_matched_without_case_and_accents(value, wanted):
    assert to_scalar(Scalar("string", None, ("pago", "N/A", "1", "Não")), value) == wanted


def test_lone_surrogates_are_replaced_and_pairs_joined():
    assert clean_text("a\ud83d\ude00b\ud800") == "a😀b\ufffd"
