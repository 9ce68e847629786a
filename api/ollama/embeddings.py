"""Ollama's embeddings: `/api/embed` for texts, `/api/embeddings` for one. Source: docs.ollama.com/api/embed."""

import time
from typing import Any

from api.embedding import EmbeddingsAsked, read_texts
from api.members import needed_text, whole
from providers.types import Embeddings


def embed_request(body: dict[str, Any]) -> EmbeddingsAsked:
    """Raises InvalidField. `truncate` is dropped: the provider says when a text is too long."""
    return EmbeddingsAsked(needed_text(body, "model"), read_texts(body, "input"), whole(body, "dimensions", 1, 65536))


def embed_reply(told: Embeddings, asked: EmbeddingsAsked) -> dict[str, Any]:
    took = max(time.perf_counter_ns() - asked.started, 1)
    return {
        "model": asked.model,
        "embeddings": told.vectors,
        "total_duration": took,
        "load_duration": 0,
        "prompt_eval_count": told.usage.input_tokens,
    }


def embedding_request(body: dict[str, Any]) -> EmbeddingsAsked:
    """The older address, of one `prompt`. Raises InvalidField."""
    return EmbeddingsAsked(needed_text(body, "model"), [needed_text(body, "prompt")])


def embedding_reply(told: Embeddings, asked: EmbeddingsAsked) -> dict[str, Any]:
    return {"embedding": told.vectors[0]}
