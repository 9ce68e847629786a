from hypothesis import given
from hypothesis import strategies as st

from providers.assembly import Assembly
from providers.types import ChatDelta, Part, Text, Thought, ToolCall, ToolCallDelta


def assembled(*deltas: ChatDelta) -> tuple[Part, ...]:
    assembly = Assembly()
    for delta in deltas:
        assembly.add(delta)
    return assembly.parts()


def test_two_parallel_calls_whose_pieces_come_mixed() -> None:
    assert assembled(
        ChatDelta("Let me see."),
        ChatDelta(tool_calls=(ToolCallDelta(0, "a", "weather", '{"city":'),)),
        ChatDelta(tool_calls=(ToolCallDelta(1, "b", "time"),)),
        ChatDelta(tool_calls=(ToolCallDelta(0, arguments='"Bonn"}'), ToolCallDelta(1, arguments='{"zone":"CET"}'))),
        ChatDelta(finish_reason="tool_calls"),
    ) == (Text("Let me see."), ToolCall("a", "weather", '{"city":"Bonn"}'), ToolCall("b", "time", '{"zone":"CET"}'))


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert assembled(ChatDelta(tool_calls=(ToolCallDelta(0, "a", "now"),))) == (ToolCall("a", "now", "{}"),)


def test_a_signature_closes_its_thought_and_a_lone_one_is_kept() -> None:
    assert assembled(
        ChatDelta(thinking="one"), ChatDelta(signature="s1"), ChatDelta(thinking="two"),
        ChatDelta("answer"), ChatDelta(signature="s2"),
    ) == (Thought("one", "s1"), Thought("two"), Text("answer", "s2"))  # fmt: skip
    assert assembled(ChatDelta(signature="s")) == (Thought("", "s"),)
    assert assembled(ChatDelta(redacted="cipher"), ChatDelta(thinking="x")) == (Thought("cipher", None, True), Thought("x"))


def test_halves_of_a_character_that_came_in_two_pieces_are_joined() -> None:
    assert assembled(ChatDelta("a\ud83d"), ChatDelta("\ude00b")) == (Text("a😀b"),)
    assert assembled(ChatDelta("a\ud83d")) == (Text("a\ufffd"),)


@given(st.lists(st.tuples(st.sampled_from(["text", "thinking"]), st.text(min_size=1, max_size=5)), max_size=20))
def test_nothing_that_was_said_is_lost(pieces: list[tuple[str, str]]) -> None:
    parts = assembled(*(ChatDelta(**{kind: words}) for kind, words in pieces))
    for kind, cls in (("text", Text), ("thinking", Thought)):
        said = "".join(words for one, words in pieces if one == kind)
        assert "".join(part.text for part in parts if isinstance(part, cls)) == said
