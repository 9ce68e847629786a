"""Turns the end of a job into an outbox row; the pipeline stores it in the transaction that ends the job."""

from collections.abc import Callable, Mapping
from typing import Any

from core.clock import Clock
from operations.webhooks import outbox_row


class Notifier:
    """`wake` makes the deliverer look at the outbox."""

    def __init__(self, clock: Clock, wake: Callable[[], None]):
        self._clock = clock
        self.wake = wake

    def row(self, job: Mapping[str, Any], status: str) -> dict[str, Any] | None:
        """The row for a job that ends as `status` (done, failed, cancelled); None when nobody wants to be told."""
        return outbox_row(job, status, self._clock.now())
