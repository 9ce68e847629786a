"""Text that goes on in the next line is answered whole or not at all."""

import pytest

from tests.unit.documents.finder.layouts import form
from tests.unit.documents.finder.test_search import ask


@pytest.mark.parametrize(
    "lines, value",
    [
        (["Objeto: conserto de", "duas máquinas. Prazo: 3 dias"], "conserto de duas máquinas."),
        (["Objeto: multa limitada a 10% do", "preço.", "Outro"], "multa limitada a 10% do preço."),
        (["Objeto: um prédio com 4.320 m²", "de área", "Foro: Curitiba"], "um prédio com 4.320 m² de área"),
        (["Objeto: limpeza de salas", "Foro: Curitiba"], "limpeza de salas"),
        (["Objeto: ao conserto de"], None),
        (["Objeto: ao conserto de", "Valor total: 10,00"], None),
        (["Objeto: ao conserto de", "", "", "", "", "máquinas."], None),
        (["Objeto: obra da Classe A", "outra linha"], "obra da Classe A"),
        (["Objeto: " + "palavras " * 6 + "e mais", "palavras até aqui. Fim"], "palavras " * 6 + "e mais palavras até aqui."),
    ],
)
def test_a_sentence_is_whole(lines: list[str], value: str | None) -> None:
    cells = [(10.0, 10.0 + 14 * row, line) for row, line in enumerate(lines) if line]
    assert ask({"objeto": ""}, form(*cells)) == {"objeto": value}
    assert ask({"objeto": ""}, "\n".join(lines)) == {"objeto": value}


def test_a_sentence_without_end_is_not_followed_forever() -> None:
    assert ask({"objeto": ""}, "Objeto: obra de\n" + "mais obra de\n" * 5000) == {"objeto": None}
