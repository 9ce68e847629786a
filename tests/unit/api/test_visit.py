"""What a question reserves before it is asked."""

from types import SimpleNamespace

import pytest

from api.conversing import _most
from api.ollama.routes import SPEECHES as OLLAMA
from api.openai.routes import SPEECHES as OPENAI
from api.visit import Visit
from gateway.asking import Attempts
from gateway.calls import EXPECTED_OUTPUT
from gateway.grants import Grant
from gateway.routing import Target

CHAT = OPENAI["/v1/chat/completions"]


class Reserved:
    grant, attempts = Grant("k"), Attempts()

    def route(self, provider, model, *, input_tokens, max_output):
        self.max_output = max_output


def reserved(speech, body):
    call = Reserved()
    Visit(SimpleNamespace(rooms=SimpleNamespace(gateway=None)), call, Target("p", "m", "")).reserve(
        body, b"{}", _most(speech, body)
    )
    return call.max_output


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({}, None),
        ({"max_tokens": 50}, 50),
        ({"max_tokens": 50, "max_completion_tokens": 70}, 70),
        ({"max_tokens": 50, "n": 3}, 150),
        ({"n": 3}, 3 * EXPECTED_OUTPUT),
        ({"max_tokens": 50, "n": 1, "best_of": 4}, 200),
        ({"max_tokens": "many", "n": "all"}, None),
        ({"max_tokens": True}, None),
    ],
)
def test_every_answer_that_openais_clients_ask_for(body, tokens):
    assert reserved(CHAT, body) == tokens


@pytest.mark.parametrize(
    ("options", "tokens"), [({"num_predict": 9}, 9), ({"num_predict": -1}, None), ("no options", None), (None, None)]
)
def test_what_ollamas_clients_say_in_their_options(options, tokens):
    assert reserved(OLLAMA[0], {"options": options, "num_predict": 5}) == tokens
