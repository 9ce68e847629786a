import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import http
from core.errors import (
    DocumentTooLong,
    InvalidAnswer,
    ModelNotInstalled,
    ModelUnable,
    ProviderAuthFailed,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
    QuestionRefused,
)  # fmt: skip
from providers.failures import from_http, from_status, reason, says


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


@pytest.mark.parametrize(
    ("status", "told", "kind", "words"),
    [
        (401, {}, ProviderAuthFailed, "Host refused the API key."),
        (403, {}, ProviderAuthFailed, "Host refused the API key."),
        (404, {"too_long": True}, ModelNotInstalled, "Host does not have m."),
        (413, {}, DocumentTooLong, "context of m."),
        (400, {"too_long": True, "no_quota": True}, DocumentTooLong, "context of m."),
        (402, {}, ProviderRefused, "Host refused: bad … word."),
        (429, {"no_quota": True}, ProviderRefused, "Host refused: bad … word."),
        (429, {}, ProviderRateLimited, "no room"),
        (503, {}, ProviderRateLimited, "no room"),
        (529, {}, ProviderRateLimited, "no room"),
        (408, {}, ProviderTimeout, "in time"),
        (504, {}, ProviderTimeout, "in time"),
        (422, {}, QuestionRefused, "Host refused the request: bad … word."),
        (424, {}, ProviderError, "Host failed: bad … word."),
        (500, {}, ProviderError, "Host failed: bad … word."),
        (302, {}, ProviderError, "Host failed: bad … word."),
    ],
)
def test_a_status_is_typed(status: int, told: dict[str, bool], kind: type, words: str) -> None:
    error = from_status(
        status, "bad canary word.", title="Host", key_hint="set it", model="m", retry_after="7", secrets=("canary",), **told
    )
    assert type(error) is kind and words in error.detail and error.hint
    assert error.hint == "set it" or kind is not ProviderAuthFailed
    assert kind is not ProviderRateLimited or error.retry_after == 7


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "You are not allowed to generate embeddings from this model"),
        (403, "You are not allowed to sample from this model"),
        (400, "The chatCompletion operation does not work with the specified model, ada. Please choose another."),
        (400, "invalid request: model 'm' is not supported by the embed API"),
        (400, "The model does not support Embeddings API"),
        (501, "This server does not support embeddings. Start it with `--embeddings`"),
    ],
)
def test_a_model_of_another_kind_is_no_fault_of_the_host(status: int, said: str) -> None:
    error = from_status(status, said, title="Host", key_hint="")
    assert (type(error), error.front_status, error.retryable) == (ModelUnable, 400, False) and said[:40] in error.detail
    assert type(from_status(500, said, title="Host", key_hint="")) is ProviderError


def test_a_host_that_says_nothing_is_told_by_its_status() -> None:
    assert from_status(500, "", title="Host", key_hint="").detail == "Host failed: status 500."


def test_words_are_found_in_any_case() -> None:
    assert says("Prompt is TOO long", ("x", "too long")) and not says("Prompt", ("too long",))
