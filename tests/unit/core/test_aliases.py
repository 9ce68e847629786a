import pytest

from core.aliases import read_aliases


def aliases(value: object) -> dict[str, str]:
    return dict(read_aliases(value))


def test_aliases_are_pairs_and_lead_to_their_end():
    assert aliases("") == {} == aliases(None)
    assert aliases("gpt-4=ollama/llama3.2:3b, mini = gpt-4,") == {"gpt-4": "ollama/llama3.2:3b", "mini": "ollama/llama3.2:3b"}
    assert aliases({"a": "b", "b": "auto"}) == {"a": "auto", "b": "auto"}
    assert aliases("q=azure/a=b") == {"q": "azure/a=b"}


@pytest.mark.parametrize(
    "value, why",
    [
        ("a=b,b=c,c=a", "a → b → c → a leads in a circle"),
        ("a=a", "leads in a circle"),
        ("x=a,a=b,b=a", "leads in a circle"),
        ("a", "not written as name=model"),
        ("a=", "cannot be another name"),
        ("=b", "cannot be another name"),
        ("auto=b", "cannot be another name"),
        ("a=b,a=c", "given twice"),
        ([["a"]], "not written as name=model"),
        ([1], "not written as name=model"),
        (7, "written as name=model, or as a mapping"),
    ],
)
def test_aliases_that_lead_nowhere_are_refused(value, why):
    with pytest.raises(ValueError, match=why):
        read_aliases(value)
