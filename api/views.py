"""Rows as clients see them: the shapes of `GET /response/{id}` and its relatives."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from api import shapes
from api.estimates import eta_seconds, position
from core.clock import Clock
from models import PUBLIC_STATUS, STAGE_OF, JobStatus
from workers import Pipeline, Room

Row = Mapping[str, Any]


def links(job_id: str) -> shapes.Links:
    base = f"/response/{job_id}"
    return {"response": base, "events": f"{base}/events", "text": f"{base}/text", "queue": "/queue"}


def accepted(row: Row, pipeline: Pipeline) -> shapes.Accepted:
    """The answer of `POST /upload`."""
    return {
        "id": row["id"],
        "status": PUBLIC_STATUS[JobStatus(row["status"])],
        "queue_position": position(pipeline.rooms, row),
        "eta_seconds": eta_seconds(pipeline.rooms, row),
        "links": links(row["id"]),
    }


def job(row: Row, pipeline: Pipeline) -> shapes.Job:
    """The whole job: state, answer, evidence, document, usage, timings."""
    served = _loads(row["served"]) or {}
    return {
        **summary(row, pipeline),
        "response": _loads(row["answer"]),
        "evidence": _loads(row["evidence"]) or {},
        "warnings": [*_notices(row), *(_loads(row["warnings"]) or [])],
        "document": _document(row),
        **_server(row),
        "model_version": row["model_version"],
        "routed_because": served.get("routed_because"),
        "usage": _usage(served),
        "timings_ms": {
            "queued": round(row["queued_ms"], 2),
            "extraction": row["extraction_ms"],
            "model": row["model_ms"],
            "formatting": row["formatting_ms"],
        },
        "attempts": row["attempts"],
        "error": _loads(row["error"]),
        "created_at": stamp(row["created_at"]),
        "finished_at": stamp(row["finished_at"]),
        "expires_at": stamp(row["expires_at"]),
    }


def summary(row: Row, pipeline: Pipeline) -> shapes.Summary:
    """State and progress only: what changes while a job runs."""
    status = JobStatus(row["status"])
    stage = STAGE_OF.get(status)
    return {
        "id": row["id"],
        "status": PUBLIC_STATUS[status],
        "stage": stage.value if stage else _last_stage(row),
        "progress": _progress(row, pipeline),
        "queue_position": position(pipeline.rooms, row),
        "eta_seconds": eta_seconds(pipeline.rooms, row),
    }


def stamp(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC with milliseconds."""
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _document(row: Row) -> shapes.Document:
    names = ("filename", "content_type", "bytes", "sha256", "pages", "pages_read", "text_source", "language")
    return {name: row[name] for name in names}


def _progress(row: Row, pipeline: Pipeline) -> shapes.Progress:
    done, total = pipeline.progress(row["id"]) or (row["pages_read"] or 0, row["pages"] or 0)
    return {"done": done, "total": total, "unit": "pages"}


def _last_stage(row: Row) -> str:
    """Where a failed or cancelled job was: the first stage that did not finish."""
    for stage in ("extraction", "model"):
        if row[f"{stage}_ms"] is None:
            return stage
    return "formatting"


def _usage(served: Mapping[str, Any]) -> shapes.Usage | None:
    if not served:
        return None
    return {"cost_usd": None, **served["usage"], "cache": "miss"}


def _notices(row: Row) -> list[shapes.Warned]:
    notices = _loads(row["notices"]) or []
    return [
        {"code": notice["code"], "path": f"/pages/{notice['page']}" if notice["page"] else "", "message": notice["message"]}
        for notice in notices
    ]


def _loads(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def waiting(row: Row, pipeline: Pipeline) -> shapes.Waiting:
    """An unfinished job in the queue."""
    times = {name: stamp(row[name]) for name in ("created_at", "finished_at", "expires_at")}
    return {**summary(row, pipeline), "filename": row["filename"], **times}


def listed(row: Row, pipeline: Pipeline) -> shapes.Listed:
    """A job in a list: who answered it, or why nobody did."""
    return {**waiting(row, pipeline), **_server(row), "error": _loads(row["error"])}


def _server(row: Row) -> dict[str, str]:
    """Who answered; before that, whom the caller asked for."""
    served = _loads(row["served"]) or {}
    return {"ai_provider": served.get("provider", row["ai_provider"]), "model": served.get("model", row["model"])}


def room(stage: Room, clock: Clock) -> shapes.Room:
    """A queue of `GET /queue`."""
    oldest = stage.line.oldest()
    return {
        "waiting": len(stage.line),
        "running": stage.running,
        "workers": stage.workers,
        "oldest_seconds": 0 if oldest is None else round(clock.monotonic() - oldest, 1),
    }
