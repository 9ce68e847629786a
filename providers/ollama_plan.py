"""How much context, thought and time one question to Ollama gets."""

from dataclasses import dataclass
from typing import NamedTuple

from core.errors import InvalidField
from core.http import Deadlines
from providers.contexts import choose_context, estimated_tokens, exceeds
from providers.ollama_contexts import Contexts
from providers.ollama_errors import ContextExceeded
from providers.ollama_models import OllamaModels
from providers.ollama_native import Question
from providers.ollama_thinking import Think, choose, room
from providers.ollama_wire import offered
from providers.types import ChatRequest, ModelInfo, Tool

DEFAULT_MAX_TOKENS = 4096


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

    def deadlines(self, size: int | None, prompt_tokens: int, *, whole: bool = False) -> Deadlines:
        """Ollama sends the status line with the first token, so that wait holds the load and the reading of the prompt.

        With `whole` the status line comes with the end of the answer.
        """
        headers = self.first_token + self.load(size) + prompt_tokens / self.prefill_tokens_per_second
        return Deadlines(self.connect, self.total if whole else min(headers, self.total), self.between_tokens, self.total)


class Plan(NamedTuple):
    """The context that a question asks for, how many tokens its prompt has by the estimate or by Ollama's own count, and how
    many may be written, thoughts included."""

    model: ModelInfo
    num_ctx: int
    prompt_tokens: int
    num_predict: int
    think: Think = None

    def wider(self, exceeded: ContextExceeded) -> "Plan":
        """The plan after a prompt turned out longer than its estimate; raises `exceeded` when the model cannot hold it."""
        tokens, limit = exceeded.tokens, self.model.context
        wanted = choose_context(tokens + self.num_predict if tokens else self.num_ctx * 2, limit, None)
        if wanted <= self.num_ctx or (tokens and limit and tokens >= limit):
            raise exceeded
        return self._replace(num_ctx=wanted, prompt_tokens=tokens or self.prompt_tokens)


class Planner:
    """Makes the plan of each question, and remembers which models do not keep to a schema without thinking."""

    def __init__(self, models: OllamaModels, contexts: Contexts):
        self._models = models
        self._contexts = contexts
        self._need_thought: set[str] = set()

    async def plan(self, request: ChatRequest) -> Plan:
        """Raises ModelNotInstalled, InvalidField, and ContextExceeded when the prompt cannot fit whatever its tokens are."""
        model = await self._models.find(request.model)
        tools = offered(request)
        _check(request, model, tools)
        prompt = estimated_tokens(request.messages, tools)
        if model.context and prompt > model.context and exceeds(request.messages, model.context):
            raise too_long(request.model)
        think = choose(request, model, needs_thought=model.name in self._need_thought)
        predict = request.max_tokens or DEFAULT_MAX_TOKENS
        if request.room_to_think or request.max_tokens is None:
            predict += room(request, model, think)
        return Plan(model, await self._contexts.choose(model, prompt + predict), prompt, predict, think)

    async def find(self, model: str) -> ModelInfo:
        """Raises ModelNotInstalled."""
        return await self._models.find(model)

    async def plan_native(self, question: Question) -> Plan:
        """Raises ModelNotInstalled."""
        model = await self._models.find(question.model)
        predict = question.num_predict or DEFAULT_MAX_TOKENS
        num_ctx = await self._contexts.choose(model, question.prompt_tokens + predict)
        return Plan(model, num_ctx, question.prompt_tokens, predict)

    async def with_thought(self, request: ChatRequest, plan: Plan) -> Plan:
        """The plan after the model did not keep to the schema without thinking."""
        self._need_thought.add(plan.model.name)
        return await self.plan(request)


def _check(request: ChatRequest, model: ModelInfo, tools: tuple[Tool, ...]) -> None:
    """What the model is known to lack; old servers do not tell what a model can do."""
    if "completion" not in model.capabilities:
        return
    if tools and "tools" not in model.capabilities:
        raise InvalidField(f"The model {request.model} cannot call tools.", hint="Use a model that can.", field="tools")
    if "vision" not in model.capabilities and any(message.images for message in request.messages):
        raise InvalidField(f"The model {request.model} cannot see pictures.", hint="Use a model that can.", field="messages")


def too_long(model: str) -> ContextExceeded:
    return ContextExceeded(f"The prompt does not fit into the context of the model {model}.", None)
