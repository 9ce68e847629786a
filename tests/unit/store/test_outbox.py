"""What is due, in which order, and what a recorded attempt leaves behind."""

import pytest
from sqlalchemy import insert, select

from models import deliveries, outbox
from store.outbox import Outbox

URL = "https://hook.example.com/x"


@pytest.fixture
def table(database, clock) -> Outbox:
    return Outbox(database, clock)


@pytest.fixture
def post(database):
    async def post(name: str, *, url: str = URL, owner: str = "key-1", next_at: float = 1.0) -> None:
        row = {"id": name, "job_id": f"job-{name}", "owner": owner, "url": url, "body": "{}", "attempts": 0}
        values = row | {"next_at": next_at, "state": "pending", "created_at": 1.0}
        await database.write(lambda connection: connection.execute(insert(outbox).values(**values)) and None)

    return post


async def record(table, name, state, *, attempt=1, next_at=None):
    await table.record(name, attempt=attempt, status=200, ms=1.0, error=None, state=state, next_at=next_at)


async def rows(database):
    return {row["id"]: dict(row) for row in await database.read(select(outbox))}


@pytest.mark.parametrize("state", ["delivered", "failed", "disabled"])
async def test_a_settled_message_keeps_no_address_and_no_body(database, table, post, state):
    await post("a")
    await record(table, "a", state)
    row = (await rows(database))["a"]
    assert (row["state"], row["url"], row["body"], row["next_at"], row["attempts"]) == (state, "", "", None, 1)
    assert [entry["attempt"] for entry in await table.deliveries("job-a")] == [1]


async def test_a_pending_message_keeps_what_is_to_be_sent(database, table, post):
    await post("a")
    await record(table, "a", "pending", next_at=9.0)
    row = (await rows(database))["a"]
    assert (row["state"], row["url"], row["body"], row["next_at"], row["attempts"]) == ("pending", URL, "{}", 9.0, 1)


async def test_410_ends_the_owner_s_others_to_the_same_address_only(database, table, post):
    for name, changes in {"a": {}, "b": {}, "c": {"owner": "key-2"}, "d": {"url": URL + "/y"}}.items():
        await post(name, **changes)
    await record(table, "a", "disabled")
    found = await rows(database)
    assert {name: row["state"] for name, row in found.items()} == {
        "a": "disabled", "b": "disabled", "c": "pending", "d": "pending"
    }  # fmt: skip
    assert (found["b"]["url"], found["b"]["body"]) == ("", "")


async def test_a_message_that_was_ended_while_it_was_under_way_does_not_revive(database, table, post):
    await post("a")
    await post("b")
    await record(table, "a", "disabled")
    await record(table, "b", "pending", next_at=9.0)
    row = (await rows(database))["b"]
    assert (row["state"], row["next_at"], row["url"]) == ("disabled", None, "")
    assert await table.due(1e9, 10, 10) == []
    assert len(await table.deliveries("job-b")) == 1


async def test_an_attempt_for_a_message_that_is_gone_is_no_failure(database, table):
    await record(table, "gone", "delivered")
    assert await database.read(select(deliveries)) == []


async def test_thousands_for_one_receiver_do_not_hide_the_others(table, post):
    for number in range(60):
        await post(f"slow{number:02}", url=f"https://SLOW.example.com{'?/'[number % 2]}{number}", next_at=1.0 + number)
    for number in range(3):
        await post(f"other{number}", url=f"http://h{number}.example.com:8080/x", next_at=500.0 + number)
    await post("later", url="https://h9.example.com/", next_at=1001.0)
    found = [row["id"] for row in await table.due(1000.0, 20, 5)]
    assert found == ["slow00", "other0", "other1", "other2", "slow01", "slow02", "slow03", "slow04"]
    assert [row["id"] for row in await table.due(1000.0, 2, 5)] == ["slow00", "other0"]
