"""What the three stages do with a job: read the document, ask, form the answer. When and how often is the affair of workers."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from core.caller import Urgency, call_as
from core.logs import get_logger
from core.secrets import Keyring, associated_data
from documents.analysis import Patience, Question, analyse
from documents.extraction import extract, reader_of
from documents.parsed import FACTS
from documents.reasoning import StoredText
from documents.sandbox.client import Sandbox
from documents.skeleton import Skeleton
from gateway.grants import Grant
from gateway.ledger import Ledger
from gateway.metered import Metered
from gateway.service import Gateway
from models import PRIORITY_NAMES
from providers.types import Usage
from store.files import Files
from store.jobs import Jobs, Row

#: Somebody may wait for an urgent document as for a chat; the others can wait for theirs.
_URGENCY: Mapping[str, Urgency] = {"urgent": "interactive", "normal": "normal", "batch": "batch"}

log = get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage made: columns of the job, and pages as (number, JSON)."""

    values: dict[str, Any]
    pages: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Stages:
    """Each stage takes the row of a job and gives an `Outcome`, or raises why it cannot. `grant_of` gives what an owner may."""

    jobs: Jobs
    files: Files
    sandbox: Sandbox
    gateway: Gateway
    keyring: Keyring
    patience: Patience = Patience()
    ledger: Ledger = field(default_factory=Ledger)
    grant_of: Callable[[str], Grant] = Grant

    async def extract(self, row: Row, on_progress: Callable[[int, int], None]) -> Outcome:
        """A document that its owner sent before is not read again, as long as an earlier job is kept."""
        reader = reader_of(self.sandbox.context, row["filename"])
        if (before := await self.jobs.read_before(row, reader)) and (pages := await self.jobs.numbered_pages(before["id"])):
            log.info("document.read_before", job_id=row["id"])
            return Outcome({name: before[name] for name in FACTS} | {"reader": reader}, pages)
        document = await extract(self.sandbox, self.files.path(row["id"]), row["filename"], on_progress)
        pages = tuple((page.number, page.content) for page in document.pages)
        return Outcome(document.facts() | {"reader": reader}, pages)

    async def analyse(self, row: Row, on_progress: Callable[[int, int], None]) -> Outcome:
        sealed = row["gemini_api_key"]
        place = associated_data("jobs", row["id"], "gemini_api_key")
        key = self.keyring.decrypt(sealed, place).decode() if sealed else None
        started = self.patience.clock.monotonic()
        call_as(row["owner"], _URGENCY[PRIORITY_NAMES[row["priority"]]])
        metered = Metered(self.gateway, self.ledger, self.grant_of(row["owner"]), row["id"])
        raw = await analyse(
            _question(row),
            await self._text(row),
            gateway=metered,
            provider=row["ai_provider"],
            model=row["model"],
            api_key=key,
            priority=PRIORITY_NAMES[row["priority"]],
            vision=row["vision"],
            patience=self.patience.since(started),
            on_progress=on_progress,
        )
        served = {
            "provider": raw.provider,
            "model": raw.model,
            "routed_because": raw.routed_because,
            "usage": _usage(raw.usage, metered.cost),
            "asks": raw.asks,
        }
        return Outcome({"reply": raw.to_json(), "model_version": raw.model_version, "served": orjson.dumps(served).decode()})

    async def format(self, row: Row) -> Outcome:
        text = await self._text(row)
        return Outcome(asdict(await text.form(row["reply"], _question(row))))

    async def _text(self, row: Row) -> StoredText:
        async def draw(page: int, dpi: int) -> bytes:
            return await self.sandbox.render(self.files.path(row["id"]), row["filename"], page, dpi)

        return StoredText(await self.jobs.pages(row["id"]), self.sandbox.compute, draw)


def _question(row: Mapping[str, Any]) -> Question:
    return Question(row["prompt"], Skeleton.parse(row["format_response"]), row["example"])


def _usage(usage: Usage, cost: float | None) -> dict[str, Any]:
    tokens = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "estimated": usage.estimated}
    return tokens | {"cost_usd": cost}
