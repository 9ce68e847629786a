import pytest
import yaml

from core.settings import BadSettings, Settings, load


@pytest.fixture(autouse=True)
def config(monkeypatch, tmp_path):
    """No file of this machine is read; gives the place of config.yaml."""
    monkeypatch.delenv("PRICES", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setitem(Settings.model_config, "yaml_file", tmp_path / "config.yaml")
    return tmp_path / "config.yaml"


def test_prices_of_config_yaml_keep_their_order(config):
    prices = {"vllm/*": {"input": 0}, "azure/mine": {"input": 1.25, "output": 10, "cache_read": 0.125}}
    config.write_text(yaml.safe_dump({"prices": prices}, sort_keys=False))
    assert load().prices == (("vllm/*", {"input": 0.0}), ("azure/mine", {"input": 1.25, "output": 10.0, "cache_read": 0.125}))


@pytest.mark.parametrize("text", ["", "{}"])
def test_there_need_be_none(monkeypatch, text):
    monkeypatch.setenv("PRICES", text)
    assert load().prices == ()


@pytest.mark.parametrize(
    "text",
    [
        "{", "[1]", '{"a/b": 1}', '{"a/b": {}}', '{"a/b": {"output": 1}}', '{"a/b": {"input": -1}}', '{"a/b": {"input": 1e400}}',
        '{"a/b": {"input": 1, "ouput": 2}}', '{"a/b": {"input": NaN}}',
    ],
)  # fmt: skip
def test_what_is_no_price_stops_the_start_with_the_name_of_the_setting(monkeypatch, text):
    monkeypatch.setenv("PRICES", text)
    with pytest.raises(BadSettings, match="^PRICES="):
        load()
