"""What a key may do, as administrators write it and as it is shown."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from api.shapes import Time
from api.views import stamp
from core.errors import InvalidField
from gateway.grants import BudgetPeriod

_Pattern = Annotated[str, Field(min_length=1, max_length=200)]
_Patterns = Annotated[list[_Pattern], Field(max_length=200)]
_Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]


class GrantWish(BaseModel):
    """All may be left out. `models` and `providers` are patterns (`gpt-*`, `ollama/*`), null or empty for all; the numbers are
    limits, null for none: requests and tokens a minute, requests at a time, US dollars for each day, week, month (UTC), or
    for all time (`total`)."""

    model_config = ConfigDict(extra="forbid")
    models: _Patterns | None = None
    providers: _Patterns | None = None
    rpm: _Count | None = None
    tpm: _Count | None = None
    max_parallel: _Count | None = None
    budget_usd: Annotated[float, Field(strict=True, ge=0, le=1_000_000_000, allow_inf_nan=False)] | None = None
    budget_period: BudgetPeriod = "total"
    expires_at: AwareDatetime | None = None

    def columns(self, now: float) -> dict[str, Any]:
        """Those members that were sent, as columns of `store.keys`. Raises InvalidField for a time that has passed."""
        values = self.model_dump(include=self.model_fields_set & GrantWish.model_fields.keys())
        for name in ("models", "providers"):
            if name in values:
                values[name] = orjson.dumps(values[name]).decode() if values[name] else None
        if values.get("expires_at") is not None:
            values["expires_at"] = values["expires_at"].timestamp()
            if values["expires_at"] <= now:
                hint = "Send a time to come, such as 2030-01-31T00:00:00Z; DELETE revokes a key at once."
                raise InvalidField("expires_at has passed.", field="expires_at", hint=hint)
        return values


class KeyChange(GrantWish):
    """Members that are left out stay as they are."""

    name: Annotated[str, Field(min_length=1, max_length=120)] = ""
    email: Annotated[str, Field(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$")] = ""

    def columns(self, now: float) -> dict[str, Any]:
        return super().columns(now) | self.model_dump(include=self.model_fields_set & {"name", "email"})


class RotationWish(BaseModel):
    """Seconds that the former key goes on being good beside the one that takes its place."""

    model_config = ConfigDict(extra="forbid")
    overlap_seconds: Annotated[float, Field(strict=True, ge=0, le=86400)] = 0


class GrantView(TypedDict):
    """Null is without limit."""

    models: list[str] | None
    providers: list[str] | None
    rpm: int | None
    tpm: int | None
    max_parallel: int | None
    budget_usd: float | None
    budget_period: BudgetPeriod
    expires_at: Time | None


def grant_view(row: Mapping[str, Any]) -> GrantView:
    """From a row of `store.keys`."""
    return {
        "models": row["models"] and orjson.loads(row["models"]),
        "providers": row["providers"] and orjson.loads(row["providers"]),
        "rpm": row["rpm"],
        "tpm": row["tpm"],
        "max_parallel": row["max_parallel"],
        "budget_usd": row["budget_usd"],
        "budget_period": row["budget_period"],
        "expires_at": stamp(row["expires_at"]),
    }
