import pytest
import yaml

from core.settings import BadSettings, Settings, load


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    """No file of this machine is read; gives the place of config.yaml."""
    monkeypatch.delenv("MODEL_ALIASES", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setitem(Settings.model_config, "yaml_file", tmp_path / "config.yaml")
    return tmp_path / "config.yaml"


def test_a_circle_stops_the_start_with_the_name_of_the_setting(monkeypatch):
    monkeypatch.setenv("MODEL_ALIASES", "a=b,b=a")
    with pytest.raises(BadSettings, match=r"^MODEL_ALIASES=a=b,b=a: .*circle"):
        load()


def test_config_yaml_calls_them_aliases_and_the_environment_comes_first(monkeypatch, nothing_set):
    nothing_set.write_text(yaml.safe_dump({"aliases": {"gpt-4": "ollama/m"}}))
    assert dict(load().model_aliases) == {"gpt-4": "ollama/m"}
    monkeypatch.setenv("MODEL_ALIASES", "gpt-4=openai/n")
    assert dict(load().model_aliases) == {"gpt-4": "openai/n"}
