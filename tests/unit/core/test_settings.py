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


def test_hosts_come_from_one_line_or_from_a_list(monkeypatch, nothing_set):
    lines = ["providers:", "  - name: corp", "    base_url: https://llm.corp/v1", "    api_key_env: CORP_KEY", "    models: [m]"]
    nothing_set.write_text("\n".join(lines))
    monkeypatch.setenv("CORP_KEY", "of-the-variable")
    (host,) = load().providers
    assert (host.name, host.api_key.get_secret_value(), host.models) == ("corp", "of-the-variable", ("m",))
    monkeypatch.setenv("PROVIDERS", "box=http://box/v1|KEY")
    assert [one.name for one in load().providers] == ["box"]


def test_keys_of_hosts_are_secrets(monkeypatch):
    monkeypatch.setenv("PROVIDERS", "box=http://box/v1|canary-key")
    settings = load()
    assert "canary-key" in settings.secret_values() and "canary-key" not in repr(settings)
    monkeypatch.setenv("PROVIDERS", "box=nowhere|canary-key")
    with pytest.raises(BadSettings) as caught:
        load()
    assert caught.value.lines == ["PROVIDERS: value error, box: its base_url must begin with http:// or https://"]


def test_machines_come_from_one_line_or_from_a_list_and_their_keys_are_secrets(monkeypatch, nothing_set):
    nothing_set.write_text(
        yaml.safe_dump({"machines": [{"name": "lab", "kind": "vllm", "url": "http://lab", "key": "canary-key"}]})
    )
    settings = load()
    assert [(one.name, one.kind, one.url) for one in settings.machines] == [("lab", "vllm", "http://lab")]
    assert "canary-key" in settings.secret_values() and "canary-key" not in repr(settings)
    monkeypatch.setenv("MACHINES", "a=http://a,mac=lmstudio+http://mac|other-key")
    settings = load()
    assert [one.kind for one in settings.machines] == ["ollama", "lmstudio"] and "other-key" in settings.secret_values()
    monkeypatch.setenv("MACHINES", "a=vllm+http://u:canary-key@a")
    with pytest.raises(BadSettings) as caught:
        load()
    assert caught.value.lines == ["MACHINES: value error, 'a': credentials do not belong into the address"]


@pytest.mark.parametrize("name", ["AZURE_OPENAI_KEY", "AZURE_OPENAI_API_KEY"])
def test_azures_key_has_two_names(monkeypatch, name):
    monkeypatch.setenv(name, "canary-key")
    settings = load()
    assert settings.azure_openai_key.get_secret_value() == "canary-key" and settings.by_name()["AZURE_OPENAI_KEY"] == "canary-key"


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "VLLM_BASE_URL", "AZURE_OPENAI_ENDPOINT"])
def test_an_address_is_one_and_has_no_key_in_it(monkeypatch, name):
    for bad in ("file:///etc", "http://me:secret@box", "http://a b"):
        monkeypatch.setenv(name, bad)
        with pytest.raises(BadSettings):
            load()
    monkeypatch.setenv(name, "http://box:8000/v1")
    assert load().by_name()[name] == "http://box:8000/v1"
