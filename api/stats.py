"""What was asked of models and what it cost: `/stats` from the sums, `/key/info` for the key that asks."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from typing_extensions import TypedDict

from api.deps import House, answer, house, principal, refuse_unknown
from api.policy import CLIENTS, allow
from api.shapes import Time
from api.views import stamp
from core.errors import InvalidField
from gateway.grants import NANO, BudgetPeriod, period_end

router = APIRouter(tags=["usage"])

_RANGE = re.compile(r"([1-9][0-9]{0,3})([hd])")
_HOUR, _DAY = 3600, 86400
_MOST_HOURS, _MOST_DAYS = 24 * 90, 3660
GroupBy = Literal["provider", "model", "key", "day"]
Range = Annotated[
    str,
    Query(
        description="A number of hours up to 2160h or of days up to 3660d, such as 24h or 30d: how far to look back.",
    ),
]
Group = Annotated[GroupBy, Query(description="One of provider, model, key and day: what to sum by.")]


class Tokens(TypedDict):
    """Buckets that do not overlap."""

    input_uncached: int
    cache_read: int
    cache_write: int
    output_text: int
    output_reasoning: int


class Sum(TypedDict):
    """`cost_usd` is what is known of it: `unpriced_calls` used tokens that nobody knows the price of. `estimated_calls` were
    counted by Myelin, for their provider did not say. Times are means in milliseconds, null without a call to take them of."""

    calls: int
    ok: int
    error: int
    client_closed: int
    tokens: Tokens
    cost_usd: float
    unpriced_calls: int
    estimated_calls: int
    mean_ms: float | None
    mean_first_ms: float | None


class Grouped(Sum):
    """`name` is that of a provider, a model or a key (`key_id` then is its id), or a date (UTC)."""

    name: str
    key_id: str | None


class Stats(TypedDict):
    """Whole hours, or whole days (UTC) when the range is one of days; the last second may be missing."""

    since: Time
    until: Time
    group_by: GroupBy
    total: Sum
    data: list[Grouped]


class Rates(TypedDict):
    """`remaining` of the present minute."""

    limit: int
    remaining: int


class Budget(TypedDict):
    """US dollars; `reserved_usd` is held by requests that are under way, `ends_at` is null for `total`."""

    limit_usd: float
    period: BudgetPeriod
    spent_usd: float
    reserved_usd: float
    remaining_usd: float
    ends_at: Time | None


class KeyInfo(TypedDict):
    """Null is without limit. `spent_usd` is of the present periods (UTC, weeks begin on Monday)."""

    id: str
    name: str
    role: Literal["client", "operator"]
    models: list[str] | None
    providers: list[str] | None
    requests: Rates | None
    tokens: Rates | None
    running: int
    max_parallel: int | None
    budget: Budget | None
    spent_usd: dict[BudgetPeriod, float]
    expires_at: Time | None


@router.get("/key/info", summary="What the key that asks may do, and what it has spent", response_model=KeyInfo)
@allow(*CLIENTS)
async def key_info(request: Request) -> Response:
    rooms, caller = house(request), principal(request)
    grant, account = rooms.credentials.grant(caller.key_id), rooms.ledger.account(caller.key_id)
    monotonic, now = rooms.clock.monotonic(), rooms.clock.now()
    rates = {
        name: limit and {"limit": limit, "remaining": rate.left(limit, monotonic)}
        for name, limit, rate in (("requests", grant.rpm, account.requests), ("tokens", grant.tpm, account.tokens))
    }
    return answer(
        {
            "id": caller.key_id,
            "name": grant.name or caller.key_id,
            "role": caller.role,
            "models": list(grant.models) or None,
            "providers": list(grant.providers) or None,
            **rates,
            "running": account.running,
            "max_parallel": grant.max_parallel,
            "budget": _budget(rooms, caller.key_id, now),
            "spent_usd": {period: spent / NANO for period, spent in account.spending.all(now).items()},
            "expires_at": stamp(grant.expires_at),
        }
    )


def _budget(rooms: House, key_id: str, now: float) -> Budget | None:
    grant, account = rooms.credentials.grant(key_id), rooms.ledger.account(key_id)
    if grant.budget_usd is None:
        return None
    limit, spent = round(grant.budget_usd * NANO), account.spending.of(grant.budget_period, now)
    return {
        "limit_usd": grant.budget_usd,
        "period": grant.budget_period,
        "spent_usd": spent / NANO,
        "reserved_usd": account.reserved / NANO,
        "remaining_usd": max(limit - spent - account.reserved, 0) / NANO,
        "ends_at": stamp(period_end(grant.budget_period, now)),
    }


@router.get("/stats", summary="Requests, tokens, costs and times, summed; a client sees its own", response_model=Stats)
@allow(*CLIENTS)
async def stats(request: Request, range: Range = "24h", group_by: Group = "provider") -> Response:
    refuse_unknown(request)
    rooms, caller = house(request), principal(request)
    now = rooms.clock.now()
    since = since_of(range, now)
    rows = await rooms.calls.sums(group_by, since, caller.owner)
    (whole,) = await rooms.calls.sums(None, since, caller.owner)
    names = await rooms.keys.names([row["name"] for row in rows]) if group_by == "key" else {}
    return answer(
        {
            "since": stamp(since),
            "until": stamp(now),
            "group_by": group_by,
            "total": _sum(whole),
            "data": [_group(row, group_by, names) for row in rows],
        }
    )


def since_of(range: str, now: float) -> float:
    """The beginning of the first whole hour or day. Raises InvalidField."""
    found = _RANGE.fullmatch(range)
    if found and int(found[1]) <= (_MOST_HOURS if found[2] == "h" else _MOST_DAYS):
        stretch = _HOUR if found[2] == "h" else _DAY
        return float((int(now // stretch) - int(found[1]) + 1) * stretch)
    raise InvalidField("range must be hours or days, such as 24h or 30d.", hint="Up to 2160h or 3660d.", field="range")


def _group(row: Mapping[str, Any], by: GroupBy, names: Mapping[str, str]) -> Grouped:
    name = row["name"]
    shown = stamp(name)[:10] if by == "day" else names.get(name, name)
    return {"name": shown, "key_id": name if by == "key" else None, **_sum(row)}


def _sum(row: Mapping[str, Any]) -> Sum:
    calls, first_calls = int(row["calls"]), int(row["first_calls"])
    return {
        "calls": calls,
        **{name: int(row[name]) for name in ("ok", "error", "client_closed")},
        "tokens": {name: int(row[name]) for name in Tokens.__annotations__},
        "cost_usd": int(row["cost"]) / NANO,
        "unpriced_calls": int(row["unpriced"]),
        "estimated_calls": int(row["estimated"]),
        "mean_ms": round(row["ms"] / calls, 2) if calls else None,
        "mean_first_ms": round(row["ttft_ms"] / first_calls, 2) if first_calls else None,
    }
