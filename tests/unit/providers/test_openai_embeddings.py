import base64
import struct
from typing import Any

import pytest

from core.errors import ProviderError
from providers.compatible import LlamaCpp, OpenAI
from providers.openai_embeddings import embed_body, embeddings_of
from providers.types import Usage

PACKED = base64.b64encode(struct.pack("<2f", 0.5, -1.0)).decode()


def test_vectors_are_asked_for_as_the_host_can() -> None:
    assert embed_body("m", ["a"], 8, OpenAI.habits) == {
        "model": "m",
        "input": ["a"],
        "encoding_format": "base64",
        "dimensions": 8,
    }
    assert embed_body("m", ["a"], None, LlamaCpp.habits) == {"model": "m", "input": ["a"], "encoding_format": "float"}


def test_numbers_and_base64_in_the_order_of_the_texts() -> None:
    reply = {"data": [{"index": 1, "embedding": [1, 2]}, {"index": 0, "embedding": PACKED}], "usage": {"prompt_tokens": 3}}
    found = embeddings_of(reply, 2, "X")
    assert found.vectors == [[0.5, -1.0], [1.0, 2.0]] and found.usage == Usage(3)
    assert embeddings_of({"data": [{"embedding": [1]}]}, 1, "X").usage == Usage(estimated=True)


@pytest.mark.parametrize("data", [None, [], [{"embedding": None}], [{"embedding": "%"}], [{"embedding": "AAA="}], [{"embedding": ["x"]}],
                                  [{"embedding": []}], [{"embedding": [1]}, {"embedding": [2]}], [3]])  # fmt: skip
def test_what_are_no_vectors_is_an_error(data: Any) -> None:
    with pytest.raises(ProviderError, match="other vectors"):
        embeddings_of({"data": data}, 1, "X")
