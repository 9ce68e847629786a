import pytest

from gateway.families import family_of


@pytest.mark.parametrize(
    "name, prefix",
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o"),
        ("gpt-4-0613", "gpt-4"),
        ("gpt-4-32k", "gpt-4-32k"),
        ("gpt-5.1", "gpt-5."),
        ("openai/gpt-4.1-nano", "gpt-4.1"),
        ("o1-mini-2024-09-12", "o1-mini"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-"),
        ("us.anthropic.claude-3-haiku-20240307-v1:0", "claude-3-"),
        ("anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4"),
        ("Gemini-2.5-Flash", "gemini-2.5-"),
        ("cohere.command-r-plus-v1:0", "command-r-plus"),
    ],
)
def test_a_model_is_known_by_the_longest_beginning_whoever_serves_it(name, prefix):
    assert family_of(name).prefix == prefix


@pytest.mark.parametrize(
    "name",
    ["gpt-4.5-preview", "gpt-45", "gpt-40", "o11", "o30", "chatgpt-4o-latest", "gpt-4o-audio-preview", "gpt-4o-transcribe",
     "gemini-2.5-flash-image", "claude-next", "llama3.2:3b", "whisper-1", "", "/"],
)  # fmt: skip
def test_what_only_looks_like_a_known_model_stays_unknown(name):
    assert family_of(name) is None
