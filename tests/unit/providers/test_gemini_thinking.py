from typing import Any

import pytest

from providers.gemini_thinking import config, room
from providers.types import ChatRequest, Message, Thinking


@pytest.mark.parametrize(
    ("model", "thinking", "said"),
    [
        ("gemini-2.5-flash", None, None),
        ("gemini-2.5-flash", Thinking(), None),
        ("gemini-2.0-flash", Thinking("high"), None),
        ("gemma-3-27b-it", Thinking("high"), None),
        ("gemini-2.5-flash-image", Thinking("high"), None),
        ("gemini-2.5-flash", Thinking("none"), {"thinking_budget": 0}),
        ("gemini-2.5-flash", Thinking("low"), {"thinking_budget": 1024, "include_thoughts": True}),
        ("gemini-2.5-flash", Thinking("high", 77), {"thinking_budget": 77, "include_thoughts": True}),
        ("gemini-2.5-flash", Thinking("max"), {"thinking_budget": 24_576, "include_thoughts": True}),
        ("gemini-2.5-flash-lite", Thinking(budget_tokens=9), {"thinking_budget": 512, "include_thoughts": True}),
        ("gemini-2.5-flash-lite", Thinking("none"), {"thinking_budget": 0}),
        ("gemini-2.5-pro", Thinking("none"), {"thinking_budget": 128}),
        ("gemini-2.5-pro", Thinking(budget_tokens=10**6), {"thinking_budget": 32_768, "include_thoughts": True}),
        ("gemini-3.5-flash", Thinking("none"), {"thinking_level": "MINIMAL"}),
        ("gemini-3.5-flash", Thinking("minimal"), {"thinking_level": "MINIMAL", "include_thoughts": True}),
        ("gemini-3.5-flash", Thinking(budget_tokens=5000), {"thinking_level": "MEDIUM", "include_thoughts": True}),
        ("gemini-3.1-pro", Thinking("medium"), {"thinking_level": "MEDIUM", "include_thoughts": True}),
        ("gemini-3-pro-preview", Thinking("medium"), {"thinking_level": "HIGH", "include_thoughts": True}),
        ("gemini-3-pro-preview", Thinking("none"), {"thinking_level": "LOW"}),
        ("gemini-3-pro-preview", Thinking("xhigh"), {"thinking_level": "HIGH", "include_thoughts": True}),
    ],
)
def test_what_each_model_is_told(model: str, thinking: Thinking | None, said: dict[str, Any] | None) -> None:
    assert config(model, thinking) == said


@pytest.mark.parametrize(
    ("model", "thinking", "tokens"),
    [
        ("gemini-2.0-flash", Thinking("high"), 0), ("gemini-2.5-flash", None, 8192), ("gemini-2.5-flash", Thinking("none"), 0),
        ("gemini-2.5-pro", Thinking("none"), 128), ("gemini-2.5-flash", Thinking(budget_tokens=700), 700), ("gemma-3", None, 8192),
        ("gemini-3.5-flash", Thinking("none"), 8192), ("gemini-3.5-flash", Thinking("high"), 24_576),
    ],
)  # fmt: skip
def test_thoughts_have_room_beside_the_answer(model: str, thinking: Thinking | None, tokens: int) -> None:
    assert room(model, ChatRequest(model, (Message.of("user", "?"),), thinking=thinking)) == tokens
