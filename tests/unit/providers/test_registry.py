from types import ModuleType

import pytest

import providers
from providers.base import ProviderSpec
from providers.gemini import Gemini
from providers.ollama import Ollama
from providers.registry import build, missing, provider_classes
from providers.types import Capabilities


def test_the_folder_collects_itself() -> None:
    assert provider_classes() == (Gemini, Ollama)


def test_instances_are_built_from_plain_values() -> None:
    built = build({"ollama": {"base_url": "http://box:11434", "always_on": ("gemma3:1b",)}, "gemini": {"api_key": "k"}})
    assert {name: type(provider) for name, provider in built.items()} == {"gemini": Gemini, "ollama": Ollama}
    assert built["ollama"]._api._base_url == "http://box:11434"


def test_values_of_a_provider_that_does_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="no such provider: olama"):
        build({"olama": {}})


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
    assert found.keys() == {"another", "gemini", "ollama"} and isinstance(found["another"].spec, ProviderSpec)
    assert isinstance(providers, ModuleType) and found["another"].spec.capabilities == Capabilities()


def test_two_providers_of_one_name_are_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    _file(tmp_path, monkeypatch, "again_ollama", "ollama")
    with pytest.raises(ValueError, match="two providers are named ollama"):
        provider_classes()


def test_what_is_missing_is_the_setting_that_would_change_it() -> None:
    keyless, nothing_built = missing(["ollama", "gemini"], []), missing([], ["gemini"])
    assert keyless["gemini"] == "GEMINI_API_KEY" and "ollama" not in keyless
    assert nothing_built["ollama"] == "OLLAMA_BASE_URL" and "gemini" not in nothing_built
