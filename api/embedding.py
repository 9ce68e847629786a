"""What a client asked of an embedding, in the words of every dialect."""

import time
from dataclasses import dataclass, field
from typing import Any, Literal

from api.members import Body, wrong

_MOST_TEXTS = 2048


@dataclass(frozen=True, slots=True)
class EmbeddingsAsked:
    """`encoding` is how the vectors go back, `started` when it was read (ns of `time.perf_counter_ns`)."""

    model: str
    texts: list[str]
    dimensions: int | None = None
    encoding: Literal["float", "base64"] = "float"
    started: int = field(default_factory=time.perf_counter_ns)


def read_texts(body: Body, name: str) -> list[str]:
    """One text or a list of them. Raises InvalidField for none, for empty ones, and for tokens, which only one model reads."""
    value: Any = body.get(name)
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed:
        raise wrong(name, "must be a text or a list of texts", "Send at least one text.")
    if len(listed) > _MOST_TEXTS:
        raise wrong(name, f"has more than {_MOST_TEXTS} texts", "Send them in several requests.")
    for index, one in enumerate(listed):
        field = name if isinstance(value, str) else f"{name}.{index}"
        if not isinstance(one, str):
            raise wrong(field, "is no text", "Send texts: tokens mean something else to every model.")
        if not one:
            raise wrong(field, "is empty", "Leave empty texts out.")
    return listed
