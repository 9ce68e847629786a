from typing import Any

import pytest

from providers.ollama_thinking import choose, room
from providers.types import ChatRequest, Message, ModelInfo, Thinking

THINKER = ModelInfo("qwen3:4b", "ollama", family="qwen3", capabilities=("completion", "thinking"))
LEVELS = ModelInfo("gpt-oss:20b", "ollama", family="gptoss", capabilities=("completion", "thinking"))
PLAIN = ModelInfo("gemma3:1b", "ollama", family="gemma3", capabilities=("completion",))


def ask(**more: Any) -> ChatRequest:
    return ChatRequest("m", (Message.of("user", "?"),), **more)


@pytest.mark.parametrize(
    ("model", "request_", "think"),
    [
        (PLAIN, ask(), None),
        (PLAIN, ask(schema={}), None),
        (PLAIN, ask(thinking=Thinking("high")), None),
        (THINKER, ask(), None),
        (THINKER, ask(schema={}), False),
        (THINKER, ask(thinking=Thinking()), None),
        (THINKER, ask(thinking=Thinking("none")), False),
        (THINKER, ask(thinking=Thinking("low"), schema={}), True),
        (THINKER, ask(thinking=Thinking(budget_tokens=0)), False),
        (THINKER, ask(thinking=Thinking("none"), options={"think": True}), True),
        (LEVELS, ask(), None),
        (LEVELS, ask(schema={}), "low"),
        (LEVELS, ask(thinking=Thinking("none")), "low"),
        (LEVELS, ask(thinking=Thinking("medium")), "medium"),
        (LEVELS, ask(thinking=Thinking("max"), schema={}), "high"),
        (LEVELS, ask(thinking=Thinking(budget_tokens=5000)), "medium"),
    ],
)
def test_what_each_model_is_told(model: ModelInfo, request_: ChatRequest, think: Any) -> None:
    assert choose(request_, model) == think


def test_who_keeps_to_no_schema_without_thinking_may_think() -> None:
    assert choose(ask(schema={}), THINKER, needs_thought=True) is None
    assert choose(ask(schema={}, thinking=Thinking("none")), THINKER, needs_thought=True) is False, "what was said holds"


@pytest.mark.parametrize(
    ("model", "think", "thinking", "tokens"),
    [
        (PLAIN, None, None, 0), (THINKER, False, None, 0), (THINKER, None, None, 4096), (THINKER, True, Thinking("low"), 1024),
        (THINKER, True, Thinking(budget_tokens=99), 99), (THINKER, True, Thinking("max"), 8192), (LEVELS, "low", None, 1024),
    ],
)  # fmt: skip
def test_thoughts_have_room_beside_the_answer(model: ModelInfo, think: Any, thinking: Thinking | None, tokens: int) -> None:
    assert room(ask(thinking=thinking), model, think) == tokens
