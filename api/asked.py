"""What a client asked of a front, in the one vocabulary."""

from dataclasses import dataclass

from providers.types import ChatRequest


@dataclass(slots=True)  # one for each question: frozen ones are made three times slower
class Asked:
    """`include_usage`: the client wants the usage in the stream."""

    model: str
    request: ChatRequest
    include_usage: bool = False


#: Members that every front accepts and no provider gets.
EXTENSIONS = frozenset({"fallbacks", "routing", "keep_alive", "options", "think", "cache"})
