"""What is known of each host that speaks OpenAI's dialect, and where its clients' bodies cannot go as they are."""

from typing import Any

import pytest

from providers.compatible import HuggingFace, LlamaCpp, LmStudio, TextGenerationWebui, Tgi, Vllm
from providers.openai_shaped import OpenAIShaped
from providers.openai_wire import to_wire
from providers.types import ChatRequest, Message, Thinking, Tool, ToolChoice

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def body(host: type[OpenAIShaped], **changes: Any) -> dict[str, Any]:
    return to_wire(ChatRequest("m", (Message.of("user", "?"),), **changes), host.habits, usage=host.spec.stream_usage)


@pytest.mark.parametrize(
    ("host", "passes"),
    [(LmStudio, False), (Tgi, False), (LlamaCpp, True), (Vllm, True), (TextGenerationWebui, True), (HuggingFace, True)],
)
def test_chats_pass_where_the_host_takes_what_openais_clients_send(host: type[OpenAIShaped], passes: bool) -> None:
    assert host.spec.dialect == "openai" and ("/chat/completions" not in host.spec.without) is passes


@pytest.mark.parametrize(
    ("host", "any_json", "shaped"),
    [
        (LmStudio, "json_schema", "json_schema"),
        (LlamaCpp, "json_object", "json_schema"),
        (Vllm, "json_object", "json_schema"),
        (HuggingFace, "json_object", "json_schema"),
        (TextGenerationWebui, "json_object", "json_object"),
    ],
)
def test_the_form_of_an_answer(host: type[OpenAIShaped], any_json: str, shaped: str) -> None:
    assert body(host, schema={})["response_format"]["type"] == any_json
    assert body(host, schema=SCHEMA)["response_format"]["type"] == shaped


def test_tgi_takes_its_grammar_under_value() -> None:
    assert body(Tgi, schema=SCHEMA)["response_format"] == {"type": "json_object", "value": SCHEMA}
    assert body(Tgi, schema={})["response_format"] == {"type": "json_object", "value": {"type": "object"}}


@pytest.mark.parametrize("host", [LmStudio, LlamaCpp])
def test_a_tool_that_cannot_be_named_is_the_only_one(host: type[OpenAIShaped]) -> None:
    told = body(host, tools=(Tool("a"), Tool("b")), tool_choice=ToolChoice("required", "b"))
    assert [tool["function"]["name"] for tool in told["tools"]] == ["b"] and told["tool_choice"] == "required"


@pytest.mark.parametrize("host", [LlamaCpp, Vllm])
def test_open_models_are_told_to_think_by_their_template(host: type[OpenAIShaped]) -> None:
    assert body(host, thinking=Thinking("none"))["chat_template_kwargs"] == {"enable_thinking": False}
    assert body(host, thinking=Thinking("high"))["chat_template_kwargs"]["enable_thinking"] is True
