"""OpenAI's embeddings. Source: platform.openai.com/docs/api-reference/embeddings; `base64` is what its SDKs ask for unasked."""

import sys
from array import array
from binascii import b2a_base64
from typing import Any

from api.embedding import EmbeddingsAsked, read_texts
from api.members import needed_text, one_of, whole
from providers.types import Embeddings


def embeddings_request(body: dict[str, Any]) -> EmbeddingsAsked:
    """Raises InvalidField."""
    encoding = one_of(body, "encoding_format", ("float", "base64")) or "float"
    return EmbeddingsAsked(needed_text(body, "model"), read_texts(body, "input"), whole(body, "dimensions", 1, 65536), encoding)


def embeddings_reply(told: Embeddings, asked: EmbeddingsAsked) -> dict[str, Any]:
    written = packed if asked.encoding == "base64" else list
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": written(vector)} for index, vector in enumerate(told.vectors)
        ],
        "model": asked.model,
        "usage": {"prompt_tokens": told.usage.input_tokens, "total_tokens": told.usage.input_tokens},
    }


def packed(vector: list[float]) -> str:
    """Little-endian numbers of 32 bits as base64."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return b2a_base64(numbers.tobytes(), newline=False).decode()
