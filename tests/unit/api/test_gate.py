import asyncio

import pytest
from fastapi import APIRouter, FastAPI, Request

from api import errors
from api.credentials import Credentials
from api.gate import Gate, rules_of
from api.limits import Buckets
from api.multipart import FRAME_BYTES
from api.policy import CLIENTS, EVERYONE, Role, allow
from tests.unit.api.asgi import call
from tests.unit.api.clients import key_row

OPERATOR, MASTER, CLIENT = "operator-key-1234567890", "master-key-1234567890", "pbpm-client-key-1234567890"
CARRIERS = {
    "key": lambda key: ("Key", key),
    "x-api-key": lambda key: ("X-API-Key", key),
    "bearer": lambda key: ("Authorization", f"Bearer {key}"),
    "lower bearer": lambda key: ("Authorization", f"bearer {key}"),
}


async def build(*, rate: int = 0, hosts=("*",), proxies=(), file_bytes: int = 2 << 20):
    router = APIRouter()

    @router.get("/open")
    @EVERYONE
    async def opened():
        return {"ok": True}

    @router.get("/mine/{name}")
    @allow(*CLIENTS)
    async def mine(request: Request, name: str):
        caller = request.scope["state"]["principal"]
        return {"name": name, "role": caller.role, "owner": caller.owner}

    @router.get("/operator")
    @allow(Role.OPERATOR)
    async def operator():
        return {"ok": True}

    @router.get("/admin")
    @allow(Role.MASTER)
    async def admin():
        return {"ok": True}

    @router.post("/upload")
    @allow(*CLIENTS, body=None)
    async def upload(request: Request):
        return {"bytes": sum([len(piece) async for piece in request.stream()])}

    @router.get("/broken")
    @EVERYONE
    async def broken():
        raise ZeroDivisionError("secret detail")

    app = FastAPI(openapi_url=None)
    app.include_router(router)
    errors.install(app)
    clients = []
    credentials = Credentials(OPERATOR, MASTER, b"pepper", lambda: asyncio.sleep(0, clients))
    clients.append(key_row(credentials.digest(CLIENT)))
    await credentials.reload()
    buckets = Buckets(rate, lambda: 0.0)
    gate = Gate(
        app, rules=rules_of(router.routes), credentials=credentials, buckets=buckets, file_bytes=file_bytes,
        allowed_hosts=hosts, trusted_proxies=proxies,
    )  # fmt: skip
    return gate, credentials, clients


POLICY = {"/open": {None, OPERATOR, MASTER, CLIENT}, "/mine/x": {OPERATOR, CLIENT}, "/operator": {OPERATOR}, "/admin": {MASTER}}


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(
    "key", [None, OPERATOR, MASTER, CLIENT, "junk", OPERATOR[:-1], OPERATOR + "x", "' OR 1=1 --", "ü" * 20, "k" * 5000]
)
@pytest.mark.parametrize("path", POLICY)
async def test_every_route_gives_every_credential_exactly_what_is_declared(path, key, carrier):
    gate, _, _ = await build()
    got = await call(gate, "GET", path, [CARRIERS[carrier](key)] if key else [])
    if key in POLICY[path] or path == "/open":
        assert got.status == 200
    elif key in (OPERATOR, MASTER, CLIENT):
        assert got.status == 403 and got.json["code"] == "forbidden"
    else:
        assert got.status == 401 and got.json["code"] == ("missing_key" if key is None else "invalid_key")
    if got.status != 200:
        assert got.headers["content-type"] == "application/problem+json"
        assert got.headers["connection"] == "close"


async def test_a_client_owns_what_it_makes_and_the_operator_sees_all():
    gate, _, _ = await build()
    assert (await call(gate, "GET", "/mine/a", [("Key", CLIENT)])).json == {"name": "a", "role": "client", "owner": "client-id"}
    assert (await call(gate, "GET", "/mine/a", [("Key", OPERATOR)])).json["owner"] is None


async def test_two_different_keys_are_refused_and_the_same_twice_is_one():
    gate, _, _ = await build()
    assert (await call(gate, "GET", "/operator", [("Key", OPERATOR), ("X-API-Key", CLIENT)])).json["code"] == "two_credentials"
    assert (await call(gate, "GET", "/operator", [("Key", OPERATOR), ("Authorization", f"Bearer {OPERATOR}")])).status == 200
    assert (await call(gate, "GET", "/operator", [("Key", OPERATOR), ("Authorization", "Basic abc")])).status == 400


async def test_a_revoked_key_dies_with_the_reload():
    gate, credentials, clients = await build()
    assert (await call(gate, "GET", "/mine/a", [("Key", CLIENT)])).status == 200
    clients.clear()
    await credentials.reload()
    assert (await call(gate, "GET", "/mine/a", [("Key", CLIENT)])).status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Content-Length", "100000")], 401),
        ([("Transfer-Encoding", "chunked"), ("Content-Length", "0")], 401),
        ([("Key", "wrong-key-wrong-key"), ("Content-Length", "100000")], 401),
        ([("Key", OPERATOR), ("Content-Length", "9000000")], 413),
        ([("Key", OPERATOR), ("Content-Length", "-1")], 400),
        ([("Key", OPERATOR), ("Content-Length", "+5")], 400),
        ([("Key", OPERATOR), ("Content-Length", "9" * 40)], 400),
    ],
)
async def test_a_refusal_reads_nothing_of_the_body(headers, status):
    gate, _, _ = await build()
    got = await call(gate, "POST", "/upload", headers, b"x" * 900)
    assert (got.status, got.received) == (status, 0)


async def test_a_small_refused_body_is_taken_so_that_its_client_can_read_the_refusal():
    gate, _, _ = await build()
    got = await call(gate, "POST", "/upload", [("Key", "wrong-key-wrong-key")], b"x" * 900, pieces=3)
    assert (got.status, got.received) == (401, 900)


async def test_an_answer_before_the_body_was_read_closes_the_connection():
    gate, _, _ = await build()
    got = await call(gate, "GET", "/open", [("Transfer-Encoding", "chunked")], b"x" * 900)
    assert (got.status, got.received, got.headers["connection"]) == (200, 0, "close")
    assert "connection" not in (await call(gate, "GET", "/open")).headers
    read = await call(gate, "POST", "/upload", [("Key", OPERATOR)], b"x" * 900)
    assert read.status == 200 and "connection" not in read.headers


async def test_a_body_without_a_length_is_cut_at_the_limit():
    gate, _, _ = await build(file_bytes=1000)
    headers = [("Key", OPERATOR), ("Content-Length", "0")]
    assert (await call(gate, "POST", "/upload", headers, b"x" * 900, pieces=9)).json == {"bytes": 900}
    limit = 1000 + FRAME_BYTES
    got = await call(gate, "POST", "/upload", headers, b"x" * (3 * limit), pieces=300)
    assert got.status == 413 and got.received <= 1.02 * limit


async def test_what_is_too_large_says_so_in_megabytes_and_names_the_setting():
    gate, _, _ = await build()
    problem = (await call(gate, "POST", "/upload", [("Key", OPERATOR), ("Content-Length", str(5 << 20))])).json
    assert problem["detail"] == "The upload has 5 MB, at most 2 MB are allowed."
    assert "MAX_UPLOAD_MB" in problem["hint"] and problem["errors"][0]["field"] == "file"
    problem = (await call(gate, "GET", "/open", [("Content-Length", str(3 << 19))])).json
    assert problem["detail"] == "The body has 1.5 MB, at most 1 MB are allowed at this address."
    assert "POST /upload" in problem["hint"] and "errors" not in problem


async def test_rates_count_addresses_before_keys_are_looked_at():
    gate, _, _ = await build(rate=60)
    statuses = [(await call(gate, "GET", "/operator", [("Key", "wrong-wrong-wrong")])).status for _ in range(30)]
    assert statuses.count(401) == 10 and statuses.count(429) == 20
    got = await call(gate, "GET", "/open")
    assert got.status == 429 and int(got.headers["retry-after"]) >= 1
    assert (await call(gate, "GET", "/open", client="198.51.100.7")).status == 200


async def test_a_key_is_limited_wherever_it_calls_from():
    gate, _, _ = await build(rate=60)
    statuses = [(await call(gate, "GET", "/operator", [("Key", OPERATOR)], client=f"198.51.100.{n}")).status for n in range(30)]
    assert statuses.count(200) == 10


async def test_forged_forwarding_changes_nothing_and_a_trusted_proxy_is_believed():
    gate, _, _ = await build(rate=60)
    forged = [(await call(gate, "GET", "/open", [("X-Forwarded-For", f"192.0.2.{n}")])).status for n in range(30)]
    assert forged.count(200) == 10
    gate, _, _ = await build(rate=60, proxies=("203.0.113.0/24",))
    behind = [(await call(gate, "GET", "/open", [("X-Forwarded-For", f"1.2.3.4, 192.0.2.{n}")])).status for n in range(30)]
    assert behind.count(200) == 30
    left_forged = [
        (await call(gate, "GET", "/open", [("X-Forwarded-For", f"10.0.0.{n}, 192.0.2.200")])).status for n in range(30)
    ]
    assert left_forged.count(200) == 10


async def test_ipv6_neighbours_share_a_limit():
    gate, _, _ = await build(rate=60)
    statuses = [(await call(gate, "GET", "/open", client=f"2001:db8::{n}")).status for n in range(1, 31)]
    assert statuses.count(200) == 10


async def test_only_allowed_hosts_are_served():
    gate, _, _ = await build(hosts=("myelin.example",))
    assert (await call(gate, "GET", "/open", [("Host", "MYELIN.example:8000")])).status == 200
    for host in ("evil.example", "myelin.example.evil", ""):
        assert (await call(gate, "GET", "/open", [("Host", host)])).json["code"] == "invalid_host"


async def test_unknown_addresses_and_methods_say_so():
    gate, _, _ = await build()
    assert (await call(gate, "GET", "/nothing")).json["code"] == "not_found"
    got = await call(gate, "DELETE", "/open")
    assert got.status == 405 and "GET" in got.json["detail"] and got.headers["allow"] == "GET"
    for path in ("/open/", "//open", "/open%00", "/mine/a/b", "/OPEN"):
        assert (await call(gate, "GET", path)).status == 404


async def test_a_bug_is_a_500_that_tells_nothing():
    gate, _, _ = await build()
    got = await call(gate, "GET", "/broken", [("X-Request-Id", "abc-123")])
    assert got.status == 500 and got.json["code"] == "internal_error" and got.json["request_id"] == "abc-123"
    assert b"secret detail" not in got.body and b"ZeroDivision" not in got.body


async def test_a_request_id_with_another_form_is_replaced():
    gate, _, _ = await build()
    got = await call(gate, "GET", "/open", [("X-Request-Id", "a b\x1b[31m")])
    assert got.headers["x-request-id"].isalnum() and len(got.headers["x-request-id"]) == 32
    assert got.headers["x-content-type-options"] == "nosniff"


def test_a_route_without_a_policy_stops_the_start():
    router = APIRouter()

    @router.get("/forgotten")
    async def forgotten():
        return {}

    with pytest.raises(RuntimeError, match="forgotten"):
        rules_of(router.routes)


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "pieces", "closes"),
    [
        ("GET", "/open", [("Transfer-Encoding", "chunked")], b"", 1, True),
        ("GET", "/open", [("Content-Length", "5")], b"", 1, True),
        ("GET", "/open", [("Content-Length", "0")], b"", 1, False),
        ("GET", "/open", [], b"", 1, False),
        ("GET", "/broken", [("Transfer-Encoding", "chunked")], b"", 1, True),
        ("POST", "/upload", [("Key", OPERATOR)], b"x" * 900, 9, False),
        ("POST", "/upload", [("Key", OPERATOR), ("Transfer-Encoding", "chunked")], b"x" * 900, 9, False),
    ],
)
async def test_an_answer_before_the_end_of_the_body_closes_the_connection(method, path, headers, body, pieces, closes):
    gate, _, _ = await build()
    got = await call(gate, method, path, headers, body, pieces=pieces)
    assert got.status in (200, 500)
    assert (got.headers.get("connection") == "close") is closes


async def test_a_method_that_is_not_allowed_names_those_that_are():
    gate, _, _ = await build()
    assert (await call(gate, "DELETE", "/open")).headers["allow"] == "GET"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("DELETE", "/open", 405)])
async def test_who_asks_too_often_learns_not_even_what_there_is(method, path, status):
    gate, _, _ = await build(rate=60)
    statuses = [(await call(gate, method, path)).status for _ in range(30)]
    assert statuses.count(status) == 10 and statuses.count(429) == 20


async def test_what_can_be_read_has_a_head():
    """The application sees a GET; that no content goes out is the connection's affair."""
    gate, _, _ = await build()
    assert (await call(gate, "HEAD", "/open")).status == 200
    assert (await call(gate, "HEAD", "/mine/x", [("Key", CLIENT)])).json["name"] == "x"
    assert (await call(gate, "HEAD", "/mine/x")).status == 401
    assert (await call(gate, "HEAD", "/upload", [("Key", CLIENT)])).status == 405
