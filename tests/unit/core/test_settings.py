import pytest
import yaml
from pydantic import ValidationError

from core.settings import BadSettings, Settings, load


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    """No file of this machine is read; gives the place of config.yaml."""
    monkeypatch.delenv("MODEL_ALIASES", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setitem(Settings.model_config, "yaml_file", tmp_path / "config.yaml")
    return tmp_path / "config.yaml"


def aliases(value: object) -> dict[str, str]:
    return dict(Settings(model_aliases=value).model_aliases)


def test_aliases_are_pairs_and_lead_to_their_end():
    assert aliases("") == {}
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
    ],
)
def test_aliases_that_lead_nowhere_are_refused(value, why):
    with pytest.raises(ValidationError, match=why):
        Settings(model_aliases=value)


def test_a_circle_stops_the_start_with_the_name_of_the_setting(monkeypatch):
    monkeypatch.setenv("MODEL_ALIASES", "a=b,b=a")
    with pytest.raises(BadSettings, match=r"^MODEL_ALIASES=a=b,b=a: .*circle"):
        load()


def test_config_yaml_calls_them_aliases_and_the_environment_comes_first(monkeypatch, nothing_set):
    nothing_set.write_text(yaml.safe_dump({"aliases": {"gpt-4": "ollama/m"}}))
    assert dict(load().model_aliases) == {"gpt-4": "ollama/m"}
    monkeypatch.setenv("MODEL_ALIASES", "gpt-4=openai/n")
    assert dict(load().model_aliases) == {"gpt-4": "openai/n"}
