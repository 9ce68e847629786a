"""Webhooks: what is sent, when it is tried again, and the loop that sends it.

The row of a webhook is written in the transaction that ends the job; this loop only reads rows and records attempts, so a
crash between sending and recording repeats a delivery and never loses one (receivers drop the second by `webhook-id`).
While the disk takes no record nothing more is sent: what was sent waits in memory to be recorded, and is not sent again.

    pending ─► delivered   a 2xx
       ├─────► disabled    410: the receiver wants no more
       └─────► failed      the last attempt, about a day after the first
"""

import asyncio
import heapq
import json
import random
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from core.addresses import MAX_URL_LENGTH
from core.clock import Clock
from core.errors import MyelinError
from core.logs import get_logger
from core.outbound import Answer, OutboundFailed
from operations.signatures import Signer

Event = Literal["document.done", "document.failed", "document.cancelled"]
DeliveryState = Literal["pending", "delivered", "disabled", "failed"]

# Seconds before the second, third, … attempt: together a little under a day.
SCHEDULE = (5, 30, 300, 1800, 7200, 18000, 28800, 28800)
MAX_BODY_BYTES = 20_000
_EVENTS: dict[str, Event] = {"done": "document.done", "failed": "document.failed", "cancelled": "document.cancelled"}
_JITTER = 0.2
# Seconds that a message rests whose attempt cannot be recorded for a reason nobody foresaw.
_REST = 300.0

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """A row that is to be sent now: `body` goes out as it is, `attempts` were made before."""

    id: str
    url: str
    body: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt for the log, and what the row becomes. `at` and `next_at` in seconds since 1970; `status` None: no answer."""

    id: str
    attempt: int
    at: float
    status: int | None
    ms: float
    error: str | None
    state: DeliveryState
    next_at: float | None


class Row(Protocol):
    """A row of the outbox: `id`, `url`, `body` and `attempts` by name."""

    def __getitem__(self, name: str, /) -> Any: ...


class Outbox(Protocol):
    """Where rows come from and attempts go to; `store.outbox.Outbox` or its double."""

    async def due(self, now: float, limit: int, per_host: int) -> Sequence[Row]:
        """Pending rows whose time has come, in turn over the receivers; at most `per_host` of one receiver."""

    async def record(
        self,
        message_id: str,
        *,
        attempt: int,
        status: int | None,
        ms: float,
        error: str | None,
        state: str,
        next_at: float | None,
    ) -> None:
        """One transaction: the attempt into the log, state and next time into the row.

        `disabled` ends every other pending row of the same owner and URL too; a settled row stays as it is.
        """


class Poster(Protocol):
    """`core.outbound.GuardedClient`, or its double."""

    async def post(self, url: str, content: bytes, headers: Mapping[str, str], *, seconds: float) -> Answer: ...


def message(event: Event, at: float, job_id: str, status: str) -> str:
    """The body: where the answer is, never the answer. Raises ValueError at 20 KB."""
    timestamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    links = {"response": f"/response/{job_id}"}
    content = {"type": event, "timestamp": timestamp, "data": {"id": job_id, "status": status, "links": links}}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if len(body.encode()) >= MAX_BODY_BYTES:
        raise ValueError("a webhook body must stay below 20 KB")
    return body


def outbox_row(job: Row, status: str, now: float) -> dict[str, Any] | None:
    """The row that goes into the transaction which ends `job` as `status`; None when the job named no webhook."""
    if not job["webhook_url"]:
        return None
    return {
        "id": f"msg_{secrets.token_hex(16)}",
        "job_id": job["id"],
        "owner": job["owner"],
        "url": job["webhook_url"],
        "body": message(_EVENTS[status], now, job["id"], str(status)),
        "attempts": 0,
        "next_at": now,
        "state": "pending",
        "created_at": now,
    }


def settle(due: Due, at: float, ms: float, outcome: Answer | MyelinError, chance: Callable[[], float]) -> Delivery:
    """What an attempt that began at `at` means for its row. `chance` gives numbers in [0, 1), for the jitter."""
    attempt = due.attempts + 1
    status = outcome.status if isinstance(outcome, Answer) else None
    error = _error(outcome)
    state: DeliveryState = "pending"
    next_at = None
    if error is None:
        state = "delivered"
    elif status == 410:
        state = "disabled"
    elif attempt > len(SCHEDULE):
        state = "failed"
    else:
        pause = SCHEDULE[attempt - 1] * (1 + _JITTER * (2 * chance() - 1))
        asked = outcome.retry_after if isinstance(outcome, Answer) and status in (429, 503) else None
        next_at = at + ms / 1000 + max(pause, asked or 0.0)
    return Delivery(due.id, attempt, at, status, ms, error, state, next_at)


def _error(outcome: Answer | MyelinError) -> str | None:
    if isinstance(outcome, MyelinError):
        return outcome.detail
    if 200 <= outcome.status < 300:
        return None
    if outcome.status == 410:
        return "The receiver wants no more of these (410)."
    if 300 <= outcome.status < 400:
        return f"The receiver answered {outcome.status}; redirects are not followed."
    return f"The receiver answered {outcome.status}."


@dataclass(frozen=True, slots=True)
class Tempo:
    """`seconds` for one attempt; `parallel` at once, `per_host` of them to one receiver; `look` seconds between looks."""

    seconds: float = 15.0
    parallel: int = 16
    per_host: int = 4
    look: float = 15.0


class Deliverer:
    """The loop. `run` until cancelled; `wake` when a row was written."""

    def __init__(
        self,
        outbox: Outbox,
        poster: Poster,
        signer: Signer,
        *,
        clock: Clock,
        chance: Callable[[], float] = random.random,
        tempo: Tempo = Tempo(),
    ):
        self._outbox = outbox
        self._poster = poster
        self._signer = signer
        self._clock = clock
        self._chance = chance
        self._tempo = tempo
        self._news = asyncio.Event()
        self._flying: dict[str, str] = {}
        self._retries: list[float] = []
        self._unrecorded: dict[str, Delivery] = {}
        self._resting: dict[str, float] = {}

    def wake(self) -> None:
        """Makes the loop look now."""
        self._news.set()

    async def run(self) -> None:
        """Sends what is due, for ever. Attempts under way when this is cancelled are made again at the next start."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                try:
                    for due in await self._next():
                        self._flying[due.id] = _host(due.url)
                        group.create_task(self._deliver(due), name=f"webhook {due.id}")
                except MyelinError as error:
                    log.warning("webhooks.outbox_unreadable", error=error.detail)
                except Exception as error:  # one bad look must not be the last
                    log.error("webhooks.failed", exc_info=error)
                await self._wait()

    async def _next(self) -> list[Due]:
        free, now = self._tempo.parallel - len(self._flying), self._clock.now()
        if free <= 0 or not await self._caught_up():
            return []
        self._resting = {name: until for name, until in self._resting.items() if until > now}
        # From before the look: what is recorded while it looks, it may still see as pending.
        taken = self._flying.keys() | self._resting.keys()
        # More than there is room for: the first ones may be under way, or belong to a receiver that hangs.
        rows = await self._outbox.due(now, 20 * self._tempo.parallel, 4 * self._tempo.per_host)
        busy, chosen = Counter(self._flying.values()), []
        for row in rows:
            due = Due(row["id"], row["url"], row["body"], row["attempts"])
            host = _host(due.url)
            if len(chosen) < free and due.id not in taken and busy[host] < self._tempo.per_host:
                busy[host] += 1
                chosen.append(due)
        return chosen

    async def _wait(self) -> None:
        seconds, now = self._tempo.look, self._clock.now()
        while self._retries and self._retries[0] <= now:
            heapq.heappop(self._retries)
        if self._retries:
            seconds = min(seconds, self._retries[0] - now)
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    async def _deliver(self, due: Due) -> None:
        try:
            recorded = await self._recorded(await self.attempt(due))
        finally:
            del self._flying[due.id]
        if recorded:
            self.wake()

    async def _caught_up(self) -> bool:
        """Records what could not be recorded before; False while the disk still takes nothing."""
        while self._unrecorded:
            if not await self._recorded(next(iter(self._unrecorded.values()))):
                return False
        return True

    async def _recorded(self, delivery: Delivery) -> bool:
        """False when the disk did not take it: it is kept for the next look."""
        next_at = delivery.next_at
        try:
            await self._outbox.record(
                delivery.id, attempt=delivery.attempt, status=delivery.status, ms=delivery.ms, error=delivery.error,
                state=delivery.state, next_at=next_at,
            )  # fmt: skip
        except MyelinError as error:
            self._unrecorded[delivery.id] = delivery
            log.warning("webhooks.not_recorded", message=delivery.id, error=error.detail)
            return False
        except Exception as error:  # one message must not end the loop that sends all the others
            log.error("webhooks.not_recorded", message=delivery.id, exc_info=error)
            self._resting[delivery.id] = next_at = self._clock.now() + _REST
        self._unrecorded.pop(delivery.id, None)
        if next_at is not None:
            heapq.heappush(self._retries, next_at)
        return True

    async def attempt(self, due: Due) -> Delivery:
        """Sends one row once and says what came of it; nothing is recorded."""
        at, began = self._clock.now(), self._clock.monotonic()
        body = due.body.encode()
        headers = {"Content-Type": "application/json", "User-Agent": "Myelin-Webhooks", **self._signer.headers(due.id, at, body)}
        outcome: Answer | MyelinError
        try:
            outcome = await self._poster.post(due.url, body, headers, seconds=self._tempo.seconds)
        except MyelinError as error:
            outcome = error
        except Exception as error:  # it counts as an attempt, so that it ends with the schedule
            log.error("webhooks.broke", message=due.id, exc_info=error)
            outcome = OutboundFailed("The call failed for a reason that nobody foresaw.")
        delivery = settle(due, at, (self._clock.monotonic() - began) * 1000, outcome, self._chance)
        log.info("webhooks.attempt", message=due.id, attempt=delivery.attempt, status=delivery.status, state=delivery.state)
        return delivery


def _host(url: str) -> str:
    return url[:MAX_URL_LENGTH].partition("://")[2].replace("?", "/").partition("/")[0].lower()
