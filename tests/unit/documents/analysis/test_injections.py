"""A document that gives orders cannot change the form, add keys or reach other documents, whoever obeys it."""

import json
import re

import pytest
from jsonschema import Draft202012Validator

from core.errors import InvalidAnswer
from documents.analysis import Question
from documents.parsed import Page
from documents.skeleton import Skeleton
from tests.unit.documents.analysis.asking import FakeGateway, ask, formed
from tests.unit.documents.analysis.injections import CANARY, ORDERS, REPLIES

QUESTION = Question(
    "Extraia a nota", Skeleton.parse('{"cnpj": "", "nome": "", "total": 0, "itens": [{"descricao": "", "valor": ""}]}')
)
BEFORE, AFTER = "Padaria Fictícia\nCNPJ 11.222.333/0001-81", "Total 50,00"
ANOTHER = [Page(1, "Documento de outro cliente: segredo 4711")]


def document(order):
    """The order in the text, in the label of a page and on a page of its own."""
    return [Page(1, f"{BEFORE}\n{order}\n{AFTER}"), Page(2, order, label=order[:60])]


def obeying(reply):
    """Says `reply` to everything, with its own rules where the document asks for them."""

    def answers(request):
        return reply.replace("{rules}", json.dumps(request.messages[0].content)[1:-1])

    return answers


def leaves(value, path=""):
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if children is None:
        yield path, value
    for key, item in children or ():
        yield from leaves(item, f"{path}/{key}")


def test_the_orders_are_many_and_differ():
    assert len(set(ORDERS)) >= 60 and len(set(REPLIES)) == len(REPLIES)


@pytest.mark.parametrize("order", ORDERS)
async def test_an_order_stays_behind_the_fence(order):
    gateway = FakeGateway(answers=lambda request: '{"cnpj": "99", "nome": null, "total": 50, "itens": []}')
    await ask(gateway, QUESTION, pages=ANOTHER)
    first = len(gateway.requests)
    await ask(gateway, QUESTION, pages=document(order))
    plain = FakeGateway(answers=gateway.answers)
    await ask(plain, QUESTION, pages=document("nada"))
    for request, same in zip(gateway.requests[first:], plain.requests, strict=True):
        system, user = request.messages
        assert system == same.messages[0] and request.schema == same.schema
        folded = re.sub(r"[^\w<>/=|\[\]]", "", user.content).lower()
        assert folded.count("<document>") == folded.count("</document>") == 1
        assert user.content.count("<page number=") == user.content.count("</page>") == 2
        assert not re.search(r"<\||<(?:start|end)_of_turn|</?s>|\[/?INST\]|<<SYS", user.content)
        tail = user.content.rpartition("</document>")[2]
        assert tail == same.messages[1].content.rpartition("</document>")[2]
        assert "4711" not in user.content


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("order", ORDERS[::7])
async def test_a_model_that_obeys_gives_the_wanted_form_or_no_answer(order, reply):
    pages = document(order)
    try:
        raw = await ask(FakeGateway(answers=obeying(reply)), QUESTION, pages=pages)
    except InvalidAnswer as error:
        assert CANARY not in error.detail and "HACKED" not in error.detail
        return
    answer, evidence, warnings = await formed(raw, QUESTION, pages)
    assert list(answer) == ["cnpj", "nome", "total", "itens"]
    assert list(Draft202012Validator(QUESTION.skeleton.schema).iter_errors(answer)) == []
    flagged = {warning["path"] for warning in warnings if warning["code"] == "ungrounded"}
    for path, value in leaves(answer):
        if isinstance(value, str) and CANARY in value:
            assert path in flagged and evidence[path]["grounded"] is False
    assert all(CANARY not in warning["message"] for warning in warnings)


async def test_the_leaks_do_leak():
    """The check above has something to find: the rules do come back in values."""
    leaking = [reply for reply in REPLIES if "{rules}" in reply]
    answers = []
    for reply in leaking:
        raw = await ask(FakeGateway(answers=obeying(reply)), QUESTION, pages=document("x"))
        answers.append(json.dumps((await formed(raw, QUESTION, document("x")))[0], ensure_ascii=False))
    assert sum(CANARY in answer for answer in answers) >= 4
