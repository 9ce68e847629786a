"""Downloads of models: one a model, joined by whoever asks for the same, with progress, cancelled by id, resumed at start.

    queued ─► pulling ─► verifying ─► done
       └─────────┴────────────┴─────► failed | cancelled

A restart finds the unfinished ones and pulls again, and Ollama goes on where its partial files end.
"""

import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from fleet.names import read_model_name
from fleet.operations.durable import Durable, Pace, Record
from fleet.operations.pulling import follow
from fleet.progress import Progress

__all__ = ["Download", "Downloads", "Pace", "State"]

State = Literal["queued", "pulling", "verifying", "done", "failed", "cancelled"]
Pull = Callable[[str], AsyncGenerator[Mapping[str, Any], None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Download(Record):
    """What `GET /models/downloads/{id}` shows."""

    state: State = "queued"


class Downloads(Durable[Download]):
    """Owns the pulls and their tasks; the rest as `Durable` takes it."""

    noun: ClassVar[str] = "download"

    def __init__(self, pull: Pull, **parts: Any):
        super().__init__(Download, **parts)
        self._pull = pull

    async def start(self, model: str) -> Download:
        """The download of `model`, made now or already under way.

        Raises InvalidField for a bad name and Overloaded when too many are unfinished.
        """
        model = read_model_name(model)
        async with self._starting:
            for record in self.unfinished:
                if record.model == model:
                    return record
            now = self._clock.now()
            return await self._enter(Download(id=secrets.token_hex(8), model=model, created_at=now, updated_at=now))

    async def _attempt(self, record_id: str) -> None:
        attempts = self.get(record_id).attempts + 1
        record = await self._update(record_id, state="pulling", detail="", attempts=attempts, durable=True)
        saved_at = self._clock.monotonic()

        async def tell(status: str, verifying: bool, progress: Progress) -> None:
            nonlocal saved_at
            at = self._clock.monotonic()
            state = "verifying" if verifying else "pulling"
            durable = state != self.get(record_id).state or at - saved_at >= self._pace.saves
            saved_at = at if durable else saved_at
            await self._update(
                record_id, state=state, detail=status, completed=progress.completed, total=progress.total,
                speed=progress.speed, eta_seconds=progress.eta_seconds, durable=durable,
            )  # fmt: skip

        await follow(self._pull(record.model), clock=self._clock, stall=self._pace.stall, tell=tell)
