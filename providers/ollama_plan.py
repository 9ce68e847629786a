"""How much context and how much time one question to Ollama gets."""

from dataclasses import dataclass, replace

from core.http import Deadlines
from providers.contexts import choose_context
from providers.ollama_wire import ContextExceeded
from providers.types import ModelInfo


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a machine may take, as seconds and rates of the slowest one that is worth waiting for."""

    connect: float = 5.0
    first_token: float = 30.0
    load_floor: float = 120.0
    load_bytes_per_second: float = 0.2e9
    prefill_tokens_per_second: float = 25.0
    between_tokens: float = 60.0
    total: float = 900.0

    def load(self, size: int | None) -> float:
        return max(self.load_floor, (size or 0) / self.load_bytes_per_second)

    def deadlines(self, size: int | None, prompt_tokens: int) -> Deadlines:
        """Ollama sends the status line with the first token, so that wait holds the load and the reading of the prompt."""
        headers = self.first_token + self.load(size) + prompt_tokens / self.prefill_tokens_per_second
        return Deadlines(self.connect, min(headers, self.total), self.between_tokens, self.total)


@dataclass(frozen=True, slots=True)
class Plan:
    """The context that a question asks for, and how many tokens its prompt has by the estimate or by Ollama's own count."""

    model: ModelInfo
    num_ctx: int
    prompt_tokens: int

    def wider(self, exceeded: ContextExceeded, max_tokens: int) -> "Plan":
        """The plan after a prompt turned out longer than its estimate; raises `exceeded` when the model cannot hold it."""
        tokens, limit = exceeded.tokens, self.model.context
        wanted = choose_context(tokens + max_tokens if tokens else self.num_ctx * 2, limit, None)
        if wanted <= self.num_ctx or (tokens and limit and tokens >= limit):
            raise exceeded
        return replace(self, num_ctx=wanted, prompt_tokens=tokens or self.prompt_tokens)


def too_long(model: str) -> ContextExceeded:
    return ContextExceeded(f"The document does not fit into the context of the model {model}.", None)
