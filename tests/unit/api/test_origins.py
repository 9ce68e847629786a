import pytest

from api.origins import opened
from tests.unit.api.asgi import call

PAGE = "https://chat.example"
ASKS = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization,x-stainless-os")]


async def app(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"no"})


def test_without_origins_nothing_stands_before_the_gate():
    assert opened(app, ()) is app


@pytest.mark.parametrize("allowed", [("*",), (f"{PAGE}/",), ("http://other", "HTTPS://Chat.Example")])
async def test_a_page_that_is_let_in_may_ask_and_read(allowed):
    served = opened(app, allowed)
    before = await call(served, "OPTIONS", "/v1/chat/completions", [("Origin", PAGE), *ASKS])
    assert (before.status, before.headers["access-control-allow-origin"], before.body) == (204, PAGE, b"")
    assert before.headers["access-control-allow-headers"] == "authorization,x-stainless-os"
    assert "POST" in before.headers["access-control-allow-methods"] and before.headers["vary"] == "origin"
    got = await call(served, "POST", "/v1/chat/completions", [("Origin", PAGE)])
    assert (got.status, got.body, got.headers["access-control-allow-origin"]) == (401, b"no", PAGE)
    assert "retry-after" in got.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in before.headers | got.headers, "no cookie is let through"


@pytest.mark.parametrize("headers", [[("Origin", "https://evil.example")], []])
async def test_all_others_are_told_nothing(headers):
    for method in ("OPTIONS", "POST"):
        got = await call(opened(app, (PAGE,)), method, "/v1/models", [*headers, *ASKS])
        assert got.status == 401 and not any(name.startswith("access-control") for name in got.headers)


async def test_options_without_a_question_go_to_the_gate():
    got = await call(opened(app, ("*",)), "OPTIONS", "/v1/models", [("Origin", PAGE)])
    assert got.status == 401 and got.headers["access-control-allow-origin"] == PAGE
