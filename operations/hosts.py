"""What the doctor says of each provider that the settings name: whether it answers, and with how many models."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from core.errors import MyelinError
from operations.doctor import Check
from providers.base import ProviderSpec
from providers.types import ModelInfo

_SECONDS = 5.0


class Asked(Protocol):
    """Raises a MyelinError when it gives no list."""

    @property
    def spec(self) -> ProviderSpec: ...

    async def list_models(self, api_key: str | None = None) -> Sequence[ModelInfo]: ...


async def answering(providers: Iterable[Asked]) -> list[Check]:
    """One check each, all asked at the same time; only the lists of models are read, nothing is generated."""
    return list(await asyncio.gather(*(_check(provider) for provider in providers)))


async def _check(provider: Asked) -> Check:
    title = provider.spec.title
    try:
        async with asyncio.timeout(_SECONDS):
            models = await provider.list_models()
    except TimeoutError:
        return Check(title, "warn", f"silent for {_SECONDS:g} s", "Check its address and that it runs.")
    except MyelinError as error:
        return Check(title, "warn", error.detail.rstrip("."), error.hint or "")
    return Check(title, "ok", f"answers, {len(models)} model{'' if len(models) == 1 else 's'}")
