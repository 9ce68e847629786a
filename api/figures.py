"""How each model of a deployment has done, so that one can be chosen."""

from collections.abc import Iterable, Mapping
from typing import Any

from typing_extensions import TypedDict

from api.policy import Principal
from api.stats import Tokens
from gateway.deployments import STAGES, STAGING, Deployment, Stage
from gateway.grants import NANO
from store.outcomes import Outcomes

_COUNTS = ("calls", "ok", "error", "client_closed")
_TIMES = ("ms_p50", "ms_p95", "first_p50", "first_p95")


class ArmFigures(TypedDict):
    """Of the newest 20,000 calls; the last second may be missing. Times are milliseconds of good answers: the whole (`ms`) and,
    of streams, until the first content (`first`). `json_valid_share` is of `documents`: those that got JSON of the wanted shape;
    `grounded_share` is of the `values` in them that can stand in a document: those that do. Null without one to count."""

    stage: Stage
    model: str
    share: float | None
    calls: int
    ok: int
    error: int
    client_closed: int
    tokens: Tokens
    cost_usd: float
    ms_p50: float | None
    ms_p95: float | None
    first_p50: float | None
    first_p95: float | None
    documents: int
    json_valid_share: float | None
    values: int
    grounded_share: float | None


async def figures(outcomes: Outcomes, deployment: Deployment, since: float, caller: Principal) -> list[ArmFigures]:
    """The arms of both versions, production first, then models that former versions led to; `share` null for those."""
    asked = (deployment.alias, deployment.alias + STAGING, since, caller.owner)
    called, judged = _by_arm(await outcomes.calls(*asked)), _by_arm(await outcomes.documents(*asked))
    shares = {
        (stage, model): share
        for stage in STAGES[::-1]
        if (version := deployment.at(stage)) is not None
        for model, share in version.shares().items()
    }
    known = [*shares, *sorted(called.keys() - shares.keys())]
    allows = caller.allows
    shown = [arm for arm in known if allows is None or allows(*arm[1].split("/", 1))]
    return [_figures(arm, shares.get(arm), called.get(arm), judged.get(arm)) for arm in shown]


def _by_arm(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[Stage, str], Mapping[str, Any]]:
    return {
        ("staging" if row["model"].endswith(STAGING) else "production", f"{row['provider']}/{row['served']}"): row for row in rows
    }


def _figures(
    arm: tuple[Stage, str], share: float | None, called: Mapping[str, Any] | None, judged: Mapping[str, Any] | None
) -> ArmFigures:
    stage, model = arm
    documents, values = (judged["documents"], judged["sought"]) if judged else (0, 0)
    return {
        "stage": stage,
        "model": model,
        "share": None if share is None else round(share, 6),
        **{name: called[name] if called else 0 for name in _COUNTS},
        "tokens": {name: called[name] if called else 0 for name in Tokens.__annotations__},
        "cost_usd": (called["cost"] or 0) / NANO if called else 0.0,
        **{name: called[name] if called else None for name in _TIMES},
        "documents": documents,
        "json_valid_share": round(judged["valid"] / documents, 4) if documents else None,
        "values": values,
        "grounded_share": round(judged["grounded"] / values, 4) if values else None,
    }
