"""A pull of Ollama followed to its end, line by line."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

from core.clock import Clock
from core.errors import ProviderError, ProviderTimeout
from fleet.progress import Progress

_VERIFYING = ("verifying", "writing", "removing", "success")
#: What is told of each line: its status, whether it is past the transfer, and the progress so far.
Tell = Callable[[str, bool, Progress], Awaitable[None]]


async def follow(lines: AsyncGenerator[Mapping[str, Any], None], *, clock: Clock, stall: float, tell: Tell) -> None:
    """Raises ProviderTimeout after `stall` seconds of silence, and ProviderError for an end without `success`."""
    progress, status = Progress(), ""
    async with aclosing(lines):
        while (line := await _next(lines, stall)) is not None:
            status = str(line.get("status", ""))[:200]
            progress.update(line, clock.monotonic())
            await tell(status, status.startswith(_VERIFYING), progress)
    if status != "success":
        raise ProviderError("The download ended without Ollama's word that it is complete.")


async def _next(lines: AsyncIterator[Mapping[str, Any]], stall: float) -> Mapping[str, Any] | None:
    try:
        async with asyncio.timeout(stall):
            return await anext(lines, None)
    except TimeoutError:
        raise ProviderTimeout(f"Ollama sent nothing about the download for {stall:g} s.") from None
