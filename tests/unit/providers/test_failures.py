import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import http
from core.errors import InvalidAnswer, ProviderTimeout, ProviderUnreachable
from providers.failures import from_http, reason


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("model is bad", "model is bad"),
        ("cannot open /root/.ollama/models/blobs/sha256-ab now", "cannot open … now"),
        ("see https://example.com/x?key=1", "see …"),
        (r"C:\Users\ana\model failed", "… failed"),
        ("line one\n  line\ttwo\x1b[31m", "line one line two[31m"),
        ("token " + "a" * 49, "token …"),
        ("my-secret was refused", "… was refused"),
    ],
)
def test_a_reason_shows_words_and_no_paths_addresses_or_tokens(said: str, shown: str) -> None:
    assert reason(said, ("my-secret", "")) == shown


@given(st.text(max_size=3000))
def test_a_reason_is_one_short_line(text: str) -> None:
    shown = reason(text)
    assert len(shown) <= 200 and shown.isprintable() and "/" not in shown and "\\" not in shown


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (http.Unreachable("x"), ProviderUnreachable, "cannot be reached"),
        (http.Broken("x"), ProviderUnreachable, "closed the connection"),
        (http.DeadlinePassed("headers"), ProviderTimeout, "did not begin"),
        (http.DeadlinePassed("idle"), ProviderTimeout, "stopped in the middle"),
        (http.DeadlinePassed("total"), ProviderTimeout, "did not finish"),
        (http.BodyTooLarge("x"), InvalidAnswer, "more than an answer"),
    ],
)
def test_failures_below_http_are_typed(failure: http.HttpFailure, kind: type, words: str) -> None:
    error = from_http(failure, "Ollama", unreachable_hint="start it", slow_hint="wait")
    assert type(error) is kind and words in error.detail and "Ollama" in error.detail
    assert error.hint == {ProviderUnreachable: "start it", ProviderTimeout: "wait", InvalidAnswer: None}[kind]
