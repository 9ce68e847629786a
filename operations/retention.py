"""Erases what has had its time: rows with their texts, answers and evidence, and files. Runs every minute."""

import asyncio

from core.clock import Clock
from core.logs import get_logger
from store.calls import Calls
from store.database import Database
from store.files import Files
from store.jobs import Jobs
from store.outbox import Outbox

log = get_logger()

_PERIOD = 60.0
_SWEEPS = 30
_LOG_DAYS = 7
_HOUR_DAYS = 90  # sums of calls by hour; those by day are kept for good: budgets are reckoned from them
_MARK_SECONDS = 86400  # how long an Idempotency-Key holds at least


class Retention:
    """`audit_days` are those that the row of a call is kept."""

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        files: Files,
        outbox: Outbox,
        calls: Calls,
        clock: Clock,
        *,
        audit_days: float = 30,
    ):
        self._calls, self._audit_days = calls, audit_days
        self._database, self._jobs, self._files, self._outbox, self._clock = database, jobs, files, outbox, clock

    async def run(self) -> None:
        """For ever; what fails is logged and tried again at the next round."""
        round_number = 0
        while True:
            for step in (self.erase_expired, *((self._sweep, self._forget) if round_number % _SWEEPS == 0 else ())):
                try:
                    await step()
                except Exception as error:  # one bad round must not be the last, nor keep the other steps from their work
                    log.error("retention.failed", step=step.__name__, exc_info=error)
            round_number += 1
            await asyncio.sleep(_PERIOD)

    async def _sweep(self) -> None:
        await self._files.sweep(await self._jobs.known_ids())

    async def _forget(self) -> None:
        now = self._clock.now()
        await self._outbox.forget(now - _LOG_DAYS * 86400)
        await self._jobs.forget_marks(now - _MARK_SECONDS)
        await self._calls.forget(now - self._audit_days * 86400, now - _HOUR_DAYS * 86400)

    async def erase_expired(self) -> int:
        """Erases every job past its time: the row first, so that a job which is tried again meanwhile keeps its file.

        The file of a row that is gone, after a crash in between, is swept at the next start.
        """
        erased = 0
        while gone := await self._jobs.erase(await self._jobs.expired()):
            for job_id in gone:
                await self._files.erase(job_id)
            erased += len(gone)
        if erased:
            await self._database.scrub()
            log.info("retention.erased", jobs=erased)
        return erased
