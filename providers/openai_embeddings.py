"""Vectors in OpenAI's dialect, as numbers or as base64 of little-endian float32.

Source: platform.openai.com/docs/api-reference/embeddings.
"""

import base64
import binascii
import sys
from array import array
from typing import Any

from core.errors import ProviderError
from providers.openai_habits import Habits
from providers.openai_stream import usage_of
from providers.types import Embeddings, Usage


def embed_body(model: str, texts: list[str], dimensions: int | None, habits: Habits) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "input": texts, "encoding_format": "base64" if habits.base64 else "float"}
    return body if dimensions is None else body | {"dimensions": dimensions}


def embeddings_of(reply: dict[str, Any], count: int, title: str) -> Embeddings:
    """The vectors in the order of their texts. Raises ProviderError when there are not `count`, or when one is none."""
    data = reply.get("data")
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    if all(isinstance(entry.get("index"), int) for entry in entries):
        entries.sort(key=lambda entry: entry["index"])
    vectors = [_vector(entry.get("embedding")) for entry in entries]
    found = [vector for vector in vectors if vector]
    if len(found) != count or len(vectors) != count:
        raise ProviderError(f"{title} gave other vectors than there are texts.")
    return Embeddings(found, usage_of(reply.get("usage")) or Usage(estimated=True))


def _vector(told: Any) -> list[float] | None:
    if isinstance(told, list):
        return [float(value) for value in told] if all(isinstance(value, int | float) for value in told) else None
    if not isinstance(told, str):
        return None
    values = array("f")
    try:
        values.frombytes(base64.b64decode(told, validate=True))
    except (binascii.Error, ValueError):
        return None
    if sys.byteorder == "big":
        values.byteswap()
    return values.tolist()
