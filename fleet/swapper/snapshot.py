"""What is in memory, what changes, and who waits: the same truth for `/api/ps`, `/queue`, `top` and the pages."""

from typing import Any

from fleet.swapper.forecast import Forecaster
from fleet.swapper.residency import Model
from fleet.swapper.yard import Yard


def snapshot(yard: Yard, forecaster: Forecaster, now: float) -> dict[str, Any]:
    """JSON. Sizes in bytes, times in seconds; `reachable` false: Ollama gave no answer, nothing moves."""
    move, pinned = yard.move, yard.pinned()
    return {
        "phase": move.phase if move else "serving",
        "reachable": not yard.is_blind,
        "accepting": not yard.is_closed,
        "budget": yard.room.bytes,
        "loads": yard.loads,
        "residents": [_resident(model, model in pinned, now) for model in yard.residents()],
        "move": move
        and {
            "to": move.target.name if move.target else None,
            "leaving": [model.name for model in move.leaving],
            "speculative": move.is_speculative,
            "since": now - move.since,
            "eta": forecaster.rest(move, now),
        },
        "queues": [_queue(yard, model, forecaster, now) for model in yard.models.values() if model.line or model.inside],
        "always_on": list(yard.pinned_names),
        "without_room": [name for name in yard.pinned_names if yard.model(name) not in pinned],
        "unavailable": {
            model.name: {"reason": model.breaker.reason, "retry_in": seconds}
            for model in yard.models.values()
            if (seconds := model.breaker.open_for(now))
        },
    }


def _resident(model: Model, is_pinned: bool, now: float) -> dict[str, Any]:
    seen = model.seen
    return {
        "model": model.name,
        "size": model.size,
        "size_vram": seen.size_vram if seen else None,
        "spilled": bool(seen and 0 < seen.size_vram < seen.size),
        "always_on": is_pinned,
        "foreign": model.is_foreign,
        "leaving": model.is_leaving,
        "inside": model.inside,
        "age": now - model.loaded_at,
        "idle": None if model.inside else now - max(model.used_at, model.loaded_at),
    }


def _queue(yard: Yard, model: Model, forecaster: Forecaster, now: float) -> dict[str, Any]:
    eta = 0.0
    if model.line and not model.is_open:
        eta = forecaster.memory(model, model.line.overdue_at(yard.floor(now, yard.rho(now))), now)
    return {
        "model": model.name,
        "waiting": len(model.line),
        "inside": model.inside,
        "oldest": now - model.line.oldest() if model.line else 0.0,
        "eta": eta,
    }
