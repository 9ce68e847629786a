import inspect
from types import ModuleType
from typing import Any

import pytest

import providers
from core.errors import InvalidField
from core.hosts import read_hosts
from core.http import HttpClient
from core.settings import Settings
from providers.azure import AzureOpenAI
from providers.base import ProviderSpec
from providers.compatible import Compatible, Grok, OpenAI, Vllm
from providers.gemini import Gemini
from providers.ollama import Ollama
from providers.registry import build, configured, missing, provider_classes, variables
from providers.types import Capabilities

HTTP = HttpClient()


def names(settings: dict[str, Any], *hosts: dict[str, Any]) -> list[str]:
    return [one.spec.name for one in configured(settings | {"PROVIDERS": read_hosts(list(hosts), {})})]


def test_the_folder_collects_itself() -> None:
    assert {Gemini, Ollama, OpenAI, AzureOpenAI} <= set(provider_classes())
    assert [cls.spec.name for cls in provider_classes()] == sorted(cls.spec.name for cls in provider_classes())


def test_a_provider_is_there_when_its_settings_are() -> None:
    assert names({}) == ["gemini"]  # its key may come with each request
    assert names({"OLLAMA_URL": "http://o", "OPENAI_API_KEY": "k", "VLLM_API_KEY": "k"}) == ["gemini", "ollama", "openai"]
    assert names({"VLLM_BASE_URL": "http://v", "OPENAI_BASE_URL": "http://o"}) == ["gemini", "vllm"]
    azure = {"AZURE_OPENAI_KEY": "k"}
    assert names(azure) == ["gemini"]
    assert names(azure | {"AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com"}) == ["azure", "gemini"]


def test_what_is_built_has_the_values_of_its_settings() -> None:
    settings = {"OLLAMA_URL": "http://box:11434", "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://proxy/v1", "XAI_BASE_URL": "http://x",
                "XAI_API_KEY": "x"}  # fmt: skip
    wanted = configured(settings)
    built = build(wanted, HTTP, {"ollama": {"always_on": ("gemma3:1b",)}})
    assert {name: type(provider) for name, provider in built.items()} == {
        "gemini": Gemini, "grok": Grok, "ollama": Ollama, "openai": OpenAI,
    }  # fmt: skip
    assert built["ollama"]._api._base_url == "http://box:11434" and built["ollama"]._always_on == {"gemma3:1b"}
    assert (built["openai"]._base_url, built["openai"]._api_key, built["grok"]._base_url) == ("http://proxy/v1", "k", "http://x")
    assert [one.spec.name for one in wanted if one.has_key] == ["grok", "openai"]
    assert "'k'" not in repr(wanted)


def test_a_host_of_the_operators_choice_has_its_name_and_the_ways_of_its_type() -> None:
    hosts = read_hosts([{"name": "corp", "base_url": "https://llm.corp.example/v1", "api_key": "k", "models": ["m"]},
                        {"name": "gpu-2", "type": "vllm", "base_url": "http://10.0.0.5:8000/v1", "timeout": 9}], {})  # fmt: skip
    built = build(configured({"PROVIDERS": hosts}), HTTP)
    corp, gpu = built["corp"], built["gpu-2"]
    assert isinstance(corp, Compatible) and isinstance(gpu, Vllm) and gpu.habits == Vllm.habits
    assert (corp.spec.name, corp.spec.title, corp._api_key, corp._models) == ("corp", "corp", "k", ("m",))
    assert not corp.spec.capabilities.local and gpu.spec.capabilities.local
    assert gpu._patience.total == 9 and corp._patience.total == 600
    assert Vllm.spec.name == "vllm"


def test_a_second_ollama_only_answers() -> None:
    """Downloads and memory are those of the machine's own."""
    hosts = read_hosts([{"name": "gpu", "type": "ollama", "base_url": "http://gpu:11434"}], {})
    spec = build(configured({"PROVIDERS": hosts}), HTTP)["gpu"].spec
    assert spec.name == "gpu" and spec.capabilities.local and not spec.capabilities.pull and Ollama.spec.capabilities.pull


@pytest.mark.parametrize(
    ("url", "local"),
    [("http://127.0.0.1/v1", True), ("http://[::1]:8/v1", True), ("http://box/v1", True), ("http://box.lan/v1", True),
     ("https://8.8.8.8/v1", False), ("https://api.example.com/v1", False)],
)  # fmt: skip
def test_a_host_is_local_when_its_address_is_near(url: str, local: bool) -> None:
    (one,) = (one for one in configured({"PROVIDERS": read_hosts(f"box={url}", {})}) if one.spec.name == "box")
    assert one.spec.capabilities.local is local


def test_a_list_configures_known_providers_too() -> None:
    assert names({}, {"name": "openai", "api_key": "k"}) == ["gemini", "openai"]
    assert names({"OPENAI_API_KEY": "k"}, {"name": "openai", "type": "openai", "enabled": False}) == ["gemini"]
    assert names({"OPENAI_API_KEY": "k"}, {"name": "openai", "priority": 1}) == ["openai", "gemini"]
    assert names({"OPENAI_API_KEY": "k"}, {"name": "second", "type": "openai", "api_key": "b"}) == ["gemini", "openai", "second"]


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ({"name": "corp"}, "corp needs a base_url"),
        ({"name": "corp", "type": "openai"}, "corp needs an api_key"),
        ({"name": "corp", "type": "azure", "api_key": "k"}, "corp needs a base_url and an api_key"),
        ({"name": "corp", "type": "olama", "base_url": "http://x"}, "unknown type"),
        ({"name": "openai"}, "openai needs an api_key"),
        ({"name": "openai", "type": "vllm", "base_url": "http://x"}, "name of another provider"),
        ({"name": "ollama", "enabled": False}, "cannot be left out"),
    ],
)
def test_hosts_that_cannot_be_are_refused(host: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidField, match=words):
        names({"OLLAMA_URL": "http://o"}, host)


def test_every_setting_that_a_provider_takes_exists() -> None:
    """A constructor takes from the settings what its spec names, and no argument of plain values goes without."""
    shared = {"self", "http", "patience", "clock", "always_on", "mode", "grows"}
    for cls in provider_classes():
        named = variables(cls.spec)
        if cls is Compatible:
            continue
        assert {name.lower() for name in named.values()} <= Settings.model_fields.keys(), cls
        assert named.keys() <= inspect.signature(cls).parameters.keys(), cls
        assert inspect.signature(cls).parameters.keys() - shared - {"models"} <= named.keys(), cls


def _file(tmp_path, monkeypatch: pytest.MonkeyPatch, name: str, provider: str) -> None:
    (tmp_path / f"{name}.py").write_text(
        "from providers.base import ProviderSpec\n"
        "from providers.ollama import Ollama\n"
        "from providers.types import Capabilities\n"
        f"class Other:\n    spec = ProviderSpec('{provider}', 'O', 'http://o', None, 'https://o', Capabilities())\n"
    )
    monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(tmp_path)])
    monkeypatch.delitem(__import__("sys").modules, f"providers.{name}", raising=False)


def test_a_file_more_is_a_provider_more(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    _file(tmp_path, monkeypatch, "another_one", "another")
    found = {cls.spec.name: cls for cls in provider_classes()}
    assert found.keys() > {"another", "gemini", "ollama"} and isinstance(found["another"].spec, ProviderSpec)
    assert isinstance(providers, ModuleType) and found["another"].spec.capabilities == Capabilities()


def test_two_providers_of_one_name_are_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    _file(tmp_path, monkeypatch, "again_ollama", "ollama")
    with pytest.raises(ValueError, match="two providers are named ollama"):
        provider_classes()


def test_what_is_missing_is_the_setting_that_would_change_it() -> None:
    lacking = missing(configured({"OLLAMA_URL": "http://o", "OPENAI_API_KEY": "k", "VLLM_BASE_URL": "http://v"}))
    assert not lacking.keys() & {"ollama", "openai", "vllm", "compatible"}
    assert lacking["gemini"] == "GEMINI_API_KEY" and lacking["tgi"] == "TGI_BASE_URL" and lacking["grok"] == "XAI_API_KEY"
    assert lacking["azure"] == "AZURE_OPENAI_KEY and AZURE_OPENAI_ENDPOINT"
    assert missing(configured({}))["ollama"] == "OLLAMA_URL"
