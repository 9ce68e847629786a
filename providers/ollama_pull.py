"""Downloads of models into Ollama."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from core.errors import ProviderError, ProviderRefused
from core.http import Deadlines
from providers.ollama_api import OllamaApi
from providers.telling import count


@dataclass(frozen=True, slots=True)
class PullProgress:
    """One line of a download. `digest`, `total` and `completed` (bytes) belong to one layer; the last status is `success`."""

    status: str
    digest: str | None = None
    total: int | None = None
    completed: int | None = None


async def pull(api: OllamaApi, model: str, connect: float) -> AsyncGenerator[PullProgress, None]:
    """Raises ProviderError when the library does not know the model or the stream ends without `success`."""
    deadlines = Deadlines(connect, headers=120.0, idle=120.0, total=24 * 3600.0)
    body = {"model": model, "stream": True}
    async with aclosing(api.lines("/api/pull", body, model=model, deadlines=deadlines)) as lines:
        try:
            async for line in lines:
                status, digest = str(line.get("status", "")), line.get("digest")
                if status == "success":
                    yield PullProgress(status)
                    return
                known = digest if isinstance(digest, str) else None
                yield PullProgress(status, known, count(line, "total"), count(line, "completed"))
        except ProviderError as error:
            if "does not exist" in error.detail:
                raise ProviderRefused(
                    f"The Ollama library has no model {model}.", hint="See https://ollama.com/library for names."
                ) from None
            raise
    raise ProviderError(
        f"The download of {model} ended before it was complete.", hint="Start it again: it goes on where it stopped."
    )
