"""What a webhook says, when it is tried again, and the loop."""

import asyncio
import json
import time
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
from sqlalchemy import insert
from standardwebhooks.webhooks import Webhook

from core.addresses import AddressPolicy
from core.clock import Clock
from core.errors import InvalidField, StorageFull
from core.outbound import Answer, GuardedClient, OutboundFailed
from core.secrets import new_webhook_secret
from models import JobStatus, outbox
from operations.signatures import Signer
from operations.webhooks import SCHEDULE, Deliverer, Due, Tempo, message, outbox_row, settle
from store.database import Database
from store.outbox import Outbox

SECRET = new_webhook_secret()
URL = "https://hook.example.com/x"


def row(number=1, *, attempts=0, url=URL, body="{}"):
    return Due(f"msg_{number}", url, body, attempts)


class Table:
    """An outbox in memory that behaves like the rows of the database."""

    def __init__(self, *rows):
        self.rows = {due.id: [due, 0.0] for due in rows}
        self.log, self.asked, self.broken = [], asyncio.Event(), None
        self.record_broken = self.slow = None

    async def due(self, now, limit, per_host):
        self.asked.set()
        if self.broken:
            raise self.broken
        found = [asdict(due) for due, at in self.rows.values() if at <= now][:limit]
        if self.slow:
            await self.slow.wait()
        return found

    async def record(self, message_id, **columns):
        if failure := self.broken or self.record_broken:
            raise failure
        assert set(columns) == {"attempt", "status", "ms", "error", "state", "next_at"}
        self.log.append(SimpleNamespace(id=message_id, **columns))
        if columns["state"] == "pending":
            self.rows[message_id] = [replace(self.rows[message_id][0], attempts=columns["attempt"]), columns["next_at"]]
        else:
            del self.rows[message_id]


class Receiver:
    """Answers with the statuses of a list, the last one for ever; an exception in it is raised; `gate` holds answers back."""

    def __init__(self, *statuses):
        self.statuses, self.requests, self.gate, self.most, self.inside = list(statuses), [], None, 0, 0

    async def post(self, url, content, headers, *, seconds):
        self.requests.append((url, content, dict(headers), seconds))
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            if self.gate:
                await self.gate.wait()
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        finally:
            self.inside -= 1
        if isinstance(status, Exception):
            raise status
        return Answer(status, b"thanks")


class Loop:
    """A running deliverer with a clock that is turned by hand."""

    def __init__(self, table, receiver, **tempo):
        self.table, self.receiver, self.time = table, receiver, 1_700_000_000.0
        self.deliverer = Deliverer(
            table,
            receiver,
            Signer(SECRET),
            clock=Clock(now=lambda: self.time, monotonic=lambda: self.time),
            chance=lambda: 0.5,
            tempo=Tempo(**tempo),
        )

    async def __aenter__(self):
        self.task = asyncio.create_task(self.deliverer.run())
        await spin()
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        assert self.task.cancelled()

    async def forward(self, seconds):
        self.time += seconds
        self.deliverer.wake()
        await spin()


async def spin(times=60):
    for _ in range(times):
        await asyncio.sleep(0)


def test_the_body_links_to_the_answer():
    body = message("document.done", 1_700_000_000.25, "ab", "done")
    assert json.loads(body) == {
        "type": "document.done", "timestamp": "2023-11-14T22:13:20.250Z", "data": {"id": "ab", "status": "done", "links": {"response": "/response/ab"}}
    }  # fmt: skip
    with pytest.raises(ValueError):
        message("document.done", 0, "x" * 20_000, "done")


JOB = {"id": "ab", "owner": "key-1", "webhook_url": URL, "answer": "secret"}


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED])
def test_the_row_that_ends_with_the_job(status):
    row = outbox_row(JOB, status, 5.0)
    assert set(row) == set(outbox.columns.keys()) and row["id"] != outbox_row(JOB, status, 5.0)["id"]
    assert (row["job_id"], row["owner"], row["url"], row["attempts"], row["next_at"], row["state"]) == (
        "ab",
        "key-1",
        URL,
        0,
        5.0,
        "pending",
    )
    assert json.loads(row["body"])["type"] == f"document.{status}" and json.loads(row["body"])["data"]["status"] == status
    assert "secret" not in row["body"] and "." not in row["id"] and len(row["id"]) <= 40


def test_a_job_without_a_webhook_has_no_row():
    assert outbox_row({**JOB, "webhook_url": None}, JobStatus.DONE, 5.0) is None


@pytest.mark.parametrize(
    ("outcome", "state", "error"),
    [
        (Answer(200, b""), "delivered", None),
        (Answer(299, b""), "delivered", None),
        (Answer(410, b""), "disabled", "410"),
        (Answer(302, b""), "pending", "redirects are not followed"),
        (Answer(199, b""), "pending", "199"),
        (Answer(404, b""), "pending", "404"),
        (Answer(500, b""), "pending", "500"),
        (OutboundFailed("The call failed: no answer in time."), "pending", "no answer in time"),
        (InvalidField("The URL leads to a private or reserved address.", field="Webhook-URL"), "pending", "private"),
    ],
)
def test_what_an_answer_means(outcome, state, error):
    delivery = settle(row(), 100.0, 2000.0, outcome, lambda: 0.5)
    assert delivery.state == state and (delivery.next_at is not None) == (state == "pending")
    assert delivery.error is None if error is None else error in delivery.error
    assert delivery.status == getattr(outcome, "status" if isinstance(outcome, Answer) else "none", None)
    if state == "pending":
        assert delivery.next_at == 100.0 + 2.0 + 5


@pytest.mark.parametrize(("status", "asked", "pause"), [(503, 600.0, 600), (429, 600.0, 600), (500, 600.0, 5), (503, 1.0, 5)])
def test_a_receiver_that_says_when_to_come_back_is_left_alone_until_then(status, asked, pause):
    assert settle(row(), 100.0, 0.0, Answer(status, b"", asked), lambda: 0.5).next_at == 100.0 + pause


def test_attempts_spread_over_a_day_with_jitter_and_end():
    for chance, factor in ((0.0, 0.8), (0.5, 1.0), (0.999999, 1.2)):
        waits = [settle(row(attempts=n), 0, 0, Answer(500, b""), lambda c=chance: c).next_at for n in range(len(SCHEDULE))]
        assert waits == pytest.approx([seconds * factor for seconds in SCHEDULE], rel=1e-3)
    assert 20 * 3600 < sum(SCHEDULE) < 24.5 * 3600 and list(SCHEDULE) == sorted(SCHEDULE)
    last = settle(row(attempts=len(SCHEDULE)), 0, 0, Answer(500, b""), lambda: 0.5)
    assert (last.state, last.next_at, last.attempt) == ("failed", None, len(SCHEDULE) + 1)


async def test_what_goes_out_is_signed_over_the_body_as_sent():
    body = message("document.done", 1.0, "ação", "done")
    receiver = Receiver(204)
    loop = Loop(Table(), receiver)
    loop.time = time.time()
    delivery = await loop.deliverer.attempt(row(body=body))
    ((url, content, headers, seconds),) = receiver.requests
    assert (url, content, seconds, delivery.state) == (URL, body.encode(), 15.0, "delivered")
    assert headers["Content-Type"] == "application/json" and headers["webhook-id"] == "msg_1"
    assert Webhook(SECRET).verify(content, headers)["data"]["id"] == "ação"


async def test_a_row_is_sent_recorded_and_sent_no_more():
    async with Loop(Table(row()), Receiver(200)) as loop:
        assert [(entry.id, entry.attempt, entry.status, entry.state) for entry in loop.table.log] == [
            ("msg_1", 1, 200, "delivered")
        ]
        await loop.forward(1e6)
        assert len(loop.receiver.requests) == 1


async def test_a_fresh_row_is_sent_on_wake():
    async with Loop(Table(), Receiver(200)) as loop:
        loop.table.rows["msg_7"] = [row(7), 0.0]
        assert loop.receiver.requests == []
        loop.deliverer.wake()
        await spin()
        assert len(loop.receiver.requests) == 1


async def test_a_row_without_wake_is_found_at_the_next_look():
    async with Loop(Table(), Receiver(200), look=0.01) as loop:
        loop.table.rows["msg_7"] = [row(7), 0.0]
        async with asyncio.timeout(5):
            while not loop.table.log:
                loop.table.asked.clear()
                await loop.table.asked.wait()
                await spin()


async def test_failures_follow_the_schedule_to_the_end():
    async with Loop(Table(row()), Receiver(503)) as loop:
        for number, wait in enumerate(SCHEDULE, 1):
            assert len(loop.receiver.requests) == number
            await loop.forward(wait - 1)
            assert len(loop.receiver.requests) == number
            await loop.forward(1.5)
        assert [entry.state for entry in loop.table.log] == ["pending"] * len(SCHEDULE) + ["failed"]
        assert {headers["webhook-id"] for _, _, headers, _ in loop.receiver.requests} == {"msg_1"}
        assert len({headers["webhook-timestamp"] for _, _, headers, _ in loop.receiver.requests}) == len(SCHEDULE) + 1
        await loop.forward(1e6)
        assert len(loop.receiver.requests) == len(SCHEDULE) + 1


@pytest.mark.parametrize("news", [False, True])
async def test_the_loop_wakes_by_itself_when_a_retry_is_due_whatever_came_between(monkeypatch, news):
    monkeypatch.setattr("operations.webhooks.SCHEDULE", (0.03,) * 8)
    table = Table(row())
    deliverer = Deliverer(table, Receiver(500, 200), Signer(SECRET), clock=Clock(), tempo=Tempo(look=60), chance=lambda: 0.5)
    task = asyncio.create_task(deliverer.run())
    await spin()
    if news:
        deliverer.wake()
    async with asyncio.timeout(5):
        while len(table.log) < 2:
            table.asked.clear()
            await table.asked.wait()
            await spin()
    assert [entry.state for entry in table.log] == ["pending", "delivered"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_410_ends_it():
    async with Loop(Table(row()), Receiver(410)) as loop:
        assert [entry.state for entry in loop.table.log] == ["disabled"] and loop.table.rows == {}


async def test_so_many_at_once_and_so_many_to_one_receiver():
    rows = [row(n, url=f"https://slow.example.com/{n}") for n in range(50)] + [
        row(100 + n, url=f"https://h{n}.example.com/") for n in range(50)
    ]
    receiver = Receiver(200)
    receiver.gate = asyncio.Event()
    async with Loop(Table(*rows), receiver, parallel=10, per_host=3) as loop:
        urls = [url for url, *_ in receiver.requests]
        assert receiver.most == 10 and sum("slow" in url for url in urls) == 3
        receiver.gate.set()
        await spin(3000)
        assert len(loop.table.log) == 100 and receiver.most == 10
        assert len({entry.id for entry in loop.table.log}) == 100


async def test_a_row_that_is_recorded_while_the_outbox_is_read_is_not_sent_twice():
    table, receiver = Table(row()), Receiver(200)
    receiver.gate = asyncio.Event()
    async with Loop(table, receiver) as loop:
        table.slow = asyncio.Event()
        await loop.forward(1)
        receiver.gate.set()
        await spin()
        assert [entry.state for entry in table.log] == ["delivered"]
        table.slow.set()
        await spin()
        assert len(receiver.requests) == 1


async def test_a_row_under_way_is_not_sent_twice():
    receiver = Receiver(200)
    receiver.gate = asyncio.Event()
    async with Loop(Table(row()), receiver) as loop:
        for _ in range(5):
            await loop.forward(1)
        assert len(receiver.requests) == 1
        receiver.gate.set()


@pytest.mark.parametrize("when", ["reading", "recording"])
async def test_a_full_disk_neither_ends_the_loop_nor_sends_in_a_circle(when):
    table, receiver = Table(row()), Receiver(200)
    if when == "reading":
        table.broken = StorageFull("The disk is full.")
    else:
        receiver.gate = asyncio.Event()
    async with Loop(table, receiver) as loop:
        table.broken = StorageFull("The disk is full.")
        if receiver.gate:
            receiver.gate.set()
        await spin()
        assert len(receiver.requests) == (when == "recording") and table.log == [] and not loop.task.done()
        table.broken = None
        await loop.forward(1)
        assert [entry.state for entry in table.log] == ["delivered"]
        assert len(receiver.requests) == 1


async def test_while_nothing_can_be_recorded_nothing_more_is_sent():
    table, receiver = Table(row()), Receiver(500, 200)
    receiver.gate = asyncio.Event()
    async with Loop(table, receiver) as loop:
        table.record_broken = StorageFull("The disk is full.")
        receiver.gate.set()
        await spin()
        table.rows["msg_2"] = [row(2, url="https://other.example.com/"), 0.0]
        for _ in range(10):
            await loop.forward(15)
        assert [url for url, *_ in receiver.requests] == [URL] and table.log == []
        table.record_broken = None
        await loop.forward(15)
        assert sorted((entry.id, entry.attempt, entry.state) for entry in table.log) == [
            ("msg_1", 1, "pending"),
            ("msg_1", 2, "delivered"),
            ("msg_2", 1, "delivered"),
        ]
        assert len(receiver.requests) == 3


@pytest.mark.parametrize("where", ["reading", "recording", "sending"])
async def test_what_nobody_foresaw_ends_neither_the_loop_nor_the_others(where):
    table, receiver = Table(row()), Receiver(*([ZeroDivisionError("oops")] if where == "sending" else []), 200)
    if where == "reading":
        table.broken = ZeroDivisionError("oops")
    elif where == "recording":
        table.record_broken = ZeroDivisionError("oops")
    async with Loop(table, receiver) as loop:
        assert not loop.task.done()
        table.broken = table.record_broken = None
        table.rows["msg_2"] = [row(2, url="https://other.example.com/"), 0.0]
        await loop.forward(1)
        assert ("msg_2", "delivered") in [(entry.id, entry.state) for entry in table.log]
        if where == "sending":
            assert (table.log[0].id, table.log[0].state) == ("msg_1", "pending") and "oops" not in table.log[0].error
        for _ in range(4):
            await loop.forward(0.5)
        assert len(receiver.requests) == 2
        await loop.forward(301)
        assert ("msg_1", "delivered") in [(entry.id, entry.state) for entry in table.log]


async def test_cancelling_in_the_middle_leaves_the_row_due():
    table, receiver = Table(row()), Receiver(200)
    receiver.gate = asyncio.Event()
    async with Loop(table, receiver):
        assert receiver.inside == 1
    assert receiver.inside == 0 and table.log == [] and list(table.rows) == ["msg_1"]


async def test_over_a_real_socket_to_a_receiver_that_verifies():
    received = asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        received.set_result((head[0], headers, await reader.readexactly(int(headers["Content-Length"]))))
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = GuardedClient(AddressPolicy.of([target]))
    body = message("document.failed", time.time(), "ab", "failed")
    deliverer = Deliverer(Table(), client, Signer(SECRET), clock=Clock())
    delivery = await deliverer.attempt(row(url=f"http://{target}/hook", body=body))
    line, headers, content = await received
    assert (delivery.state, delivery.status, line) == ("delivered", 202, "POST /hook HTTP/1.1")
    assert Webhook(SECRET).verify(content, headers)["type"] == "document.failed"
    await client.close()
    server.close()
    await server.wait_closed()


async def test_a_private_receiver_is_not_called_even_if_its_row_is_there():
    client = GuardedClient(AddressPolicy())
    delivery = await Deliverer(Table(), client, Signer(SECRET), clock=Clock()).attempt(
        row(url="http://169.254.169.254/latest/meta-data")
    )
    assert delivery.status is None and "private" in delivery.error
    await client.close()


async def test_with_the_rows_of_the_database(tmp_path):
    """The loop over the real outbox: one failure, one success, both in the delivery log."""
    database = Database(tmp_path / "myelin.db")
    await database.start()
    try:
        now = [1000.0]
        clock = Clock(now=lambda: now[0])
        table = Outbox(database, clock)
        content = outbox_row(JOB, JobStatus.DONE, now[0])
        await database.write(lambda connection: connection.execute(insert(outbox).values(**content)))
        deliverer = Deliverer(table, Receiver(500, 200), Signer(SECRET), clock=clock, chance=lambda: 0.5, tempo=Tempo(look=0.01))
        task = asyncio.create_task(deliverer.run())
        async with asyncio.timeout(5):
            while len(log := await table.deliveries("ab")) < 2:
                now[0] += 1.0
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert [(entry["attempt"], entry["status"]) for entry in log] == [(1, 500), (2, 200)]
        assert await table.due(1e12, 10, 10) == []
    finally:
        # Its thread would keep a failed run from ending.
        await database.close()
