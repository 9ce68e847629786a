"""Keys as administrators make and change them, and as their owners see them and what they cost."""

from types import SimpleNamespace

import orjson
import pytest
from fastapi import FastAPI

from api import errors, keys, stats
from api.credentials import Credentials
from api.gate import Gate, rules_of
from api.limits import Buckets
from gateway.ledger import Ledger
from gateway.prices import Prices
from gateway.usage import Book
from providers.types import Usage
from store.calls import Calls
from store.keys import Keys
from tests.unit.api.asgi import call

OPERATOR, MASTER = "operator-key-1234567890", "master-key-1234567890"
MADE = "/admin/create_key?name=Ana&email=ana@example.com"


class Office:
    def __init__(self, database, clock):
        stored, rows = Keys(database, clock), Calls(database)
        credentials = Credentials(OPERATOR, MASTER, b"pepper", stored.active, clock.now)
        self.book = Book(rows.add, clock)
        prices = Prices([("*", {"input": 1e6, "output": 1e6})])
        self.ledger = Ledger(settled=self.book.add, prices=prices, monotonic=clock.monotonic, now=clock.now)
        app = FastAPI(openapi_url=None)
        routes = [*keys.router.routes, *stats.router.routes]
        app.router.routes.extend(routes)
        errors.install(app)
        app.state.house = SimpleNamespace(
            settings=SimpleNamespace(api_key_prefix="pbpm-"),
            keys=stored,
            credentials=credentials,
            clock=clock,
            calls=rows,
            ledger=self.ledger,
        )
        self.credentials = credentials
        self.gate = Gate(
            app, rules=rules_of(routes), credentials=credentials, buckets=Buckets(0, clock.monotonic), file_bytes=1,
            allowed_hosts=("*",), trusted_proxies=(),
        )  # fmt: skip

    async def __call__(self, method, path, body=None, key=MASTER):
        raw = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        return await call(self.gate, method, path, [("Key", key)], raw)

    async def made(self, **limits) -> str:
        return (await self("POST", MADE, limits)).json["api_key"]

    def ask(self, key, provider="openai", model="gpt-5", tokens=1, outcome="ok"):
        grant = self.credentials.identify([(b"key", key.encode())]).grant
        with self.ledger.enter(grant, front="openai", operation="chat", model="m", request_id="r", stream=False) as asked:
            asked.route(provider, model, input_tokens=tokens, max_output=0)
            asked.first()
            asked.settle(outcome, usage=Usage(tokens), http_status=200)


@pytest.fixture
async def office(database, clock):
    opened = Office(database, clock)
    await opened.credentials.reload()
    return opened


@pytest.fixture
async def key_id(office):
    await office.made()
    return (await office("GET", "/admin/keys")).json["data"][0]["id"]


async def test_a_key_is_made_as_ever_without_a_body(office):
    got = await office("POST", MADE)
    assert got.status == 200 and got.json == {
        "message": "Chave criada com sucesso", "api_key": got.json["api_key"], "owner": "ana@example.com",
    }  # fmt: skip
    info = (await office("GET", "/key/info", key=got.json["api_key"])).json
    assert info["name"] == "Ana" and info["role"] == "client"
    assert [info[name] for name in ("models", "providers", "requests", "tokens", "budget", "max_parallel", "expires_at")] == [
        None
    ] * 7


async def test_a_key_is_made_with_limits_and_shows_them(office, ticking):
    ticking.time = 1.7e9
    limits = {
        "models": ["gpt-*"], "providers": ["openai"], "rpm": 5, "tpm": 100, "max_parallel": 2, "budget_usd": 1.5,
        "budget_period": "month", "expires_at": "2030-01-01T00:00:00+02:00",
    }  # fmt: skip
    key = await office.made(**limits)
    (shown,) = (await office("GET", "/admin/keys")).json["data"]
    assert {name: shown[name] for name in limits} == limits | {"expires_at": "2029-12-31T22:00:00.000Z"}
    assert (await office("GET", f"/admin/keys/{shown['id']}")).json == shown
    office.ask(key)
    info = (await office("GET", "/key/info", key=key)).json
    assert info["requests"] == {"limit": 5, "remaining": 4} and info["tokens"] == {"limit": 100, "remaining": 99}
    assert info["budget"] == {
        "limit_usd": 1.5, "period": "month", "spent_usd": 1.0, "reserved_usd": 0.0, "remaining_usd": 0.5,
        "ends_at": "2023-12-01T00:00:00.000Z",
    }  # fmt: skip
    assert info["spent_usd"] == {"day": 1.0, "week": 1.0, "month": 1.0, "total": 1.0}
    assert (info["models"], info["expires_at"]) == (["gpt-*"], "2029-12-31T22:00:00.000Z")


@pytest.mark.parametrize(("body", "field"), [
    ({"rpm": 0}, "rpm"), ({"rpm": "5"}, "rpm"), ({"tpm": 1.5}, "tpm"), ({"max_parallel": True}, "max_parallel"),
    ({"budget_usd": -1}, "budget_usd"), ({"budget_period": "year"}, "budget_period"), ({"models": ["x" * 201]}, "models.0"),
    ({"providers": "openai"}, "providers"), ({"expires_at": "tomorrow"}, "expires_at"), ({"rmp": 1}, "rmp"),
    ({"expires_at": "1970-01-02T00:00:00Z"}, "expires_at"), ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"), ([], "body"),
])  # fmt: skip
async def test_a_wish_that_cannot_be_granted_makes_no_key(office, body, field):
    for method, path in (("POST", MADE), ("PATCH", f"/admin/keys/{'0' * 32}")):
        got = await office(method, path, body)
        assert (got.status, got.json["errors"][0]["field"]) == (422, field) and got.json["hint"]
    assert (await office("GET", "/admin/keys")).json["data"] == []


async def test_a_body_that_is_no_json_makes_no_key(office):
    got = await office("POST", MADE, b"{")
    assert got.status == 400 and "rpm" in got.json["hint"]


async def test_keys_are_listed_by_the_page(office, ticking):
    names = []
    for number in range(5):
        ticking.time += number % 2  # some in the same moment
        names.append((await office("POST", f"/admin/create_key?name=n{number}&email=a@b.c")).json["api_key"][:12])
    seen, after = [], ""
    while True:
        page = (await office("GET", f"/admin/keys?limit=2{after}")).json
        seen += [row["begins_with"] for row in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert sorted(seen) == sorted(names) and page["next"] is None


async def test_a_change_holds_from_the_next_request_on_and_leaves_the_rest(office, key_id):
    got = await office("PATCH", f"/admin/keys/{key_id}", {"rpm": 7, "models": ["a"], "name": "Bia", "email": "b@c.d"})
    assert (got.json["rpm"], got.json["models"], got.json["name"], got.json["email"]) == (7, ["a"], "Bia", "b@c.d")
    assert office.credentials.grant(key_id).rpm == 7
    got = await office("PATCH", f"/admin/keys/{key_id}", {"models": []})
    assert (got.json["rpm"], got.json["models"], got.json["name"]) == (7, None, "Bia")
    assert (await office("PATCH", f"/admin/keys/{key_id}", {"rpm": None})).json["rpm"] is None
    assert (await office("PATCH", f"/admin/keys/{key_id}", {})).status == 200
    for wrong in ({"name": None}, {"name": ""}, {"email": "x"}, {"budget_period": None}):
        assert (await office("PATCH", f"/admin/keys/{key_id}", wrong)).status == 422


async def test_a_revoked_key_is_dead_at_once_and_stays_so(office, key_id):
    key = await office.made()
    shown = (await office("GET", "/admin/keys")).json["data"]
    other = next(row["id"] for row in shown if row["id"] != key_id)
    assert (await office("DELETE", f"/admin/keys/{other}")).json == {"id": other, "revoked": True}
    assert (await office("GET", "/key/info", key=key)).status == 401
    for method, path, body in (("DELETE", "", None), ("PATCH", "", {"rpm": 1}), ("POST", "/rotate", None)):
        assert (await office(method, f"/admin/keys/{other}{path}", body)).status == 404
    assert (await office("GET", f"/admin/keys/{other}")).json["revoked_at"]
    assert (await office("GET", f"/admin/keys/{'f' * 32}")).status == 404


@pytest.mark.parametrize(("body", "seconds", "good"), [
    (None, 0, False), ({}, 0, False), ({"overlap_seconds": 60}, 59, True), ({"overlap_seconds": 60}, 60, False),
])  # fmt: skip
async def test_a_rotated_key_is_good_for_its_overlap(office, ticking, body, seconds, good):
    key = await office.made(rpm=9)
    key_id = (await office("GET", "/admin/keys")).json["data"][0]["id"]
    got = (await office("POST", f"/admin/keys/{key_id}/rotate", body)).json
    ticking.time += seconds
    assert got["id"] == key_id and got["api_key"].startswith("pbpm-") and got["api_key"] != key
    assert (await office("GET", "/key/info", key=got["api_key"])).json["requests"]["limit"] == 9
    assert (await office("GET", "/key/info", key=key)).status == (200 if good else 401)


@pytest.mark.parametrize("overlap", [-1, 86401, "60", None])
async def test_an_overlap_lasts_a_day_at_the_most(office, key_id, overlap):
    got = await office("POST", f"/admin/keys/{key_id}/rotate", {"overlap_seconds": overlap})
    assert (got.status, got.json["errors"][0]["field"]) == (422, "overlap_seconds")


async def test_the_master_key_opens_the_administration_and_nothing_else(office, key_id):
    for path in ("/key/info", "/stats"):
        assert (await office("GET", path)).status == 403
    key = await office.made()
    for other in (OPERATOR, key):
        assert (await office("GET", "/admin/keys", key=other)).status == 403


async def test_the_key_itself_is_nowhere_stored(office, tmp_path, database):
    key = await office.made(models=["gpt-*"])
    office.ask(key)
    await office.book.flush()
    await database.scrub()
    assert not any(key.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


async def test_usage_is_summed_and_a_client_sees_its_own(office, ticking):
    ticking.time = 1.7e9
    mine, other = await office.made(), await office.made()
    office.ask(mine, tokens=2)
    office.ask(mine, provider="anthropic", model="claude", tokens=5, outcome="error")
    office.ask(other, tokens=100)
    ticking.time += 86400
    office.ask(mine, tokens=1)
    await office.book.flush()
    seen = (await office("GET", "/stats?range=2d", key=mine)).json
    assert [(row["name"], row["cost_usd"], row["calls"]) for row in seen["data"]] == [("anthropic", 5.0, 1), ("openai", 3.0, 2)]
    assert seen["total"] == {
        "calls": 3, "ok": 2, "error": 1, "client_closed": 0, "cost_usd": 8.0, "unpriced_calls": 0, "estimated_calls": 0,
        "tokens": {"input_uncached": 8, "cache_read": 0, "cache_write": 0, "output_text": 0, "output_reasoning": 0},
        "mean_ms": 0.0, "mean_first_ms": 0.0,
    }  # fmt: skip
    days = (await office("GET", "/stats?range=7d&group_by=day", key=OPERATOR)).json["data"]
    assert [(row["name"], row["cost_usd"]) for row in days] == [("2023-11-14", 107.0), ("2023-11-15", 1.0)]
    by_key = (await office("GET", "/stats?range=48h&group_by=key", key=OPERATOR)).json["data"]
    assert [(row["name"], row["cost_usd"]) for row in by_key] == [("Ana", 100.0), ("Ana", 8.0)] and by_key[0]["key_id"]
    last = (await office("GET", "/stats?range=1h&group_by=model", key=OPERATOR)).json
    assert last["since"] == "2023-11-15T22:00:00.000Z" and [row["name"] for row in last["data"]] == ["gpt-5"]


@pytest.mark.parametrize(
    "query",
    ["range=0h", "range=2161h", "range=3661d", "range=1w", "range=h", "range=", "group_by=ip", "range=9%0A9d", "groupby=key"],
)
async def test_a_question_about_usage_that_cannot_be_answered(office, query):
    got = await office("GET", f"/stats?{query}", key=OPERATOR)
    assert (got.status, got.json["errors"][0]["field"]) == (422, query.partition("=")[0])


async def test_a_limit_in_the_address_is_not_left_out_in_silence(office):
    got = await office("POST", f"{MADE}&rpm=3")
    assert (got.status, got.json["errors"][0]["field"]) == (422, "rpm") and "JSON body" in got.json["hint"]
    assert (await office("GET", "/admin/keys")).json["data"] == []


async def test_an_empty_house_has_no_usage(office):
    got = (await office("GET", "/stats", key=OPERATOR)).json
    assert got["data"] == [] and got["total"]["calls"] == 0 and got["total"]["mean_ms"] is None
