"""The files of models in Ollama: whether one is there, giving it one, and a model made of them.

Facts from server/routes.go and server/create.go of Ollama (2026-08): HEAD /api/blobs/DIGEST is 200 or 404; POST stores a body
whose SHA-256 is DIGEST, answers 201, and 400 for another content; POST /api/create names the files by their digests. There is no
way to read a file back.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from core.errors import InvalidField, ProviderError, StorageFull, WrongDigest
from core.http import Deadlines, Upload
from providers.ollama_api import OllamaApi
from providers.ollama_models import OllamaModels

DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
#: Ollama hashes what it gets before it answers, and it writes layers without a word.
_SENDING = Deadlines(connect=5.0, headers=900.0, idle=120.0, total=24 * 3600.0)
_CREATING = Deadlines(connect=5.0, headers=900.0, idle=900.0, total=6 * 3600.0)


def read_digest(text: str) -> str:
    """`sha256:` and 64 small hexadecimal digits. Raises InvalidField."""
    if not DIGEST.fullmatch(text):
        raise InvalidField("This is not a digest.", field="digest", hint="Write it like sha256: and 64 hexadecimal digits.")
    return text


class OllamaBlobs:
    def __init__(self, api: OllamaApi, models: OllamaModels):
        self._api = api
        self._models = models

    async def has(self, digest: str) -> bool:
        """Raises InvalidField and ProviderError."""
        opened = self._api.opened("HEAD", f"/api/blobs/{read_digest(digest)}", good=(200, 404))
        async with opened as response:
            return response.status == 200

    async def send(self, digest: str, size: int, pieces: AsyncIterator[bytes]) -> None:
        """Raises WrongDigest when what arrived is something else, StorageFull and ProviderError."""
        path, body = f"/api/blobs/{read_digest(digest)}", Upload(size, pieces)
        try:
            async with self._api.opened("POST", path, body=body, deadlines=_SENDING, good=(200, 201)) as response:
                await response.read()
        except ProviderError as error:
            raise _typed(error) from None

    async def create(self, body: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The lines of `/api/create`, the last one with the status `success`. Raises StorageFull and ProviderError."""
        model, done = str(body.get("model", "")), False
        try:
            lines = self._api.lines("/api/create", {**body, "stream": True}, model=model, deadlines=_CREATING)
            async with aclosing(lines) as told:
                async for line in told:
                    done = line.get("status") == "success"
                    yield line
        except ProviderError as error:
            raise _typed(error) from None
        finally:
            self._models.forget()
        if not done:
            raise ProviderError(f"Ollama ended the making of {model} before it was complete.")


def _typed(error: ProviderError) -> Exception:
    if is_full(error):
        return StorageFull("The disk of the machine is full.", hint="Delete a model there, then ask again.")
    if "digest mismatch" in error.detail:
        return WrongDigest("The machine received something else than was sent.")
    return error


def is_full(error: ProviderError) -> bool:
    """Whether Ollama's words for a failure mean that its disk is full."""
    words = error.detail.lower()
    return "no space left" in words or "not enough space" in words or "disk quota exceeded" in words
