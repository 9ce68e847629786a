from documents.analysis.retrieval import likely, terms_of
from documents.answers import Question
from documents.parsed import Page
from documents.skeleton import Skeleton

PAGES = [
    Page(1, "Relatório anual da companhia. " * 20),
    Page(2, "Cláusula 7 Da multa por rescisão: dez por cento do valor."),
    Page(3, "Anexo II. CNPJ 12.345.678/0001-95"),
    Page(4, ""),
]


def best(prompt, skeleton):
    scores = likely(PAGES, terms_of(Question(prompt, Skeleton.parse(skeleton))))
    assert scores.keys() == {1, 2, 3, 4} and scores[4] == 0
    return max(scores, key=scores.get)


def test_the_words_of_the_question_and_of_the_keys_find_their_page():
    assert best("Qual é a multa por rescisão?", '{"resposta": ""}') == 2
    assert best("Extraia", '{"multaRescisao": ""}') == 2


def test_a_kind_of_value_finds_its_page_without_a_word():
    assert best("x", '{"cnpj_emitente": ""}') == 3
    pages = [Page(1, "nada aqui"), Page(2, "vence em 05/03/2026")]
    scores = likely(pages, terms_of(Question("x", Skeleton.parse('{"due_date": ""}'))))
    assert scores[2] > scores[1] == 0


def test_words_without_meaning_find_nothing():
    assert terms_of(Question("Qual é o de da do", Skeleton.parse('[""]'))) == frozenset()
    assert set(likely(PAGES, frozenset()).values()) == {0}
    assert likely([], frozenset("a")) == {}
