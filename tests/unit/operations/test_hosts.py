import asyncio

import pytest

from core.errors import ProviderUnreachable
from operations import hosts
from operations.doctor import Check
from providers.base import ProviderSpec
from providers.types import Capabilities, ModelInfo


class Told:
    def __init__(self, title: str, answer: list[ModelInfo] | Exception | None):
        self.spec = ProviderSpec(title, title, "", None, "https://x", Capabilities())
        self._answer = answer

    async def list_models(self, api_key: str | None = None) -> list[ModelInfo]:
        if self._answer is None:
            await asyncio.Event().wait()
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def test_each_provider_that_is_configured_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "_SECONDS", 0.01)
    gone = ProviderUnreachable("B cannot be reached.", hint="Look at its address.")
    found = await hosts.answering([Told("A", [ModelInfo("m", "a")]), Told("B", gone), Told("C", None)])
    assert found == [
        Check("A", "ok", "answers, 1 model"),
        Check("B", "warn", "B cannot be reached", "Look at its address."),
        Check("C", "warn", "silent for 0.01 s", "Check its address and that it runs."),
    ]
