from pathlib import Path

import pytest

from core.settings import BadSettings, Settings, load


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No `.env` and no config.yaml but the test's own."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setitem(Settings.model_config, "yaml_file", tmp_path / "config.yaml")
    return tmp_path


def test_hosts_come_from_one_line_or_from_a_list(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["providers:", "  - name: corp", "    base_url: https://llm.corp/v1", "    api_key_env: CORP_KEY", "    models: [m]"]
    (alone / "config.yaml").write_text("\n".join(lines))
    monkeypatch.setenv("CORP_KEY", "of-the-variable")
    (host,) = load().providers
    assert (host.name, host.api_key.get_secret_value(), host.models) == ("corp", "of-the-variable", ("m",))
    monkeypatch.setenv("PROVIDERS", "box=http://box/v1|KEY")
    assert [one.name for one in load().providers] == ["box"]


def test_keys_of_hosts_are_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDERS", "box=http://box/v1|canary-key")
    settings = load()
    assert "canary-key" in settings.secret_values() and "canary-key" not in repr(settings)
    monkeypatch.setenv("PROVIDERS", "box=nowhere|canary-key")
    with pytest.raises(BadSettings) as caught:
        load()
    assert caught.value.lines == ["PROVIDERS: value error, box: its base_url must begin with http:// or https://"]


@pytest.mark.parametrize("name", ["AZURE_OPENAI_KEY", "AZURE_OPENAI_API_KEY"])
def test_azures_key_has_two_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "canary-key")
    settings = load()
    assert settings.azure_openai_key.get_secret_value() == "canary-key" and settings.by_name()["AZURE_OPENAI_KEY"] == "canary-key"


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "VLLM_BASE_URL", "AZURE_OPENAI_ENDPOINT"])
def test_an_address_is_one_and_has_no_key_in_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for bad in ("file:///etc", "http://me:secret@box", "http://a b"):
        monkeypatch.setenv(name, bad)
        with pytest.raises(BadSettings):
            load()
    monkeypatch.setenv(name, "http://box:8000/v1")
    assert load().by_name()[name] == "http://box:8000/v1"
