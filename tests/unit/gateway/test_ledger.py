import asyncio

import pytest

from core.errors import Forbidden, InvalidKey, NotFound, RateLimited
from gateway.ledger import Grant, Ledger
from providers.types import Usage

ASKED = {"front": "openai", "operation": "chat", "model": "m", "request_id": "r", "stream": False}


def book(**clocks):
    over = []
    return Ledger(settled=over.append, **clocks), over


def test_a_call_is_settled_once_and_the_first_time_counts():
    ledger, over = book()
    with ledger.enter(Grant("k"), **ASKED) as call:
        assert ledger.running == {"k": 1}
        call.settle("ok", usage=Usage(1, 2), http_status=200)
        call.settle("error", usage=None, http_status=500)
    assert over == [call] and call.outcome == "ok" and not ledger.running


@pytest.mark.parametrize(("error", "outcome", "status"), [
    (NotFound("No."), "error", 404), (ZeroDivisionError(), "error", 500), (asyncio.CancelledError(), "client_closed", 499),
])  # fmt: skip
def test_what_nobody_settled_is_settled_at_the_end(error, outcome, status):
    ledger, over = book()
    with pytest.raises(type(error)), ledger.enter(None, **ASKED) as call:
        call.told(40)
        raise error
    assert over == [call] and (call.outcome, call.http_status) == (outcome, status)
    assert outcome != "client_closed" or call.usage == Usage(output_text=10, estimated=True)


def test_a_key_asks_only_so_many_at_a_time():
    ledger, _ = book()
    with ledger.enter(Grant("k", max_parallel=1), **ASKED):
        with pytest.raises(RateLimited):
            ledger.enter(Grant("k", max_parallel=1), **ASKED)
        ledger.enter(Grant("other", max_parallel=1), **ASKED)
    ledger.enter(Grant("k", max_parallel=1), **ASKED)


def test_a_key_asks_only_so_often_and_is_told_when_again():
    now = [100.0]
    ledger, _ = book(monotonic=lambda: now[0])
    grant = Grant("k", rpm=60)
    for _ in range(6):
        ledger.enter(grant, **ASKED)
    with pytest.raises(RateLimited) as refused:
        ledger.enter(grant, **ASKED)
    assert 0 < refused.value.retry_after <= 1
    now[0] += refused.value.retry_after + 0.001
    ledger.enter(grant, **ASKED)


def test_a_key_that_is_over_is_dead():
    ledger, _ = book(now=lambda: 10.0)
    with pytest.raises(InvalidKey):
        ledger.enter(Grant("k", expires_at=10.0), **ASKED)


@pytest.mark.parametrize(("grant", "may"), [
    (Grant("k"), True), (Grant("k", models=("gpt-*",)), True), (Grant("k", models=("openai/gpt-5",)), True),
    (Grant("k", models=("claude-*",)), False), (Grant("k", providers=("ollama",)), False),
])  # fmt: skip
def test_a_key_uses_what_it_was_given(grant, may):
    ledger, _ = book()
    call = ledger.enter(grant, **ASKED)
    if may:
        call.route("openai", "gpt-5", input_tokens=1, max_output=None)
    else:
        with pytest.raises(Forbidden):
            call.route("openai", "gpt-5", input_tokens=1, max_output=None)
