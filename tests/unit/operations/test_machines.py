import asyncio

import pytest

from core.errors import ProviderAuthFailed, ProviderUnreachable
from core.http import HttpClient
from fleet.budget import Budget
from fleet.machines.record import Record
from operations import machines
from operations.doctor import Check
from operations.machines import Subject, machines_found, subjects
from providers.types import ModelInfo
from tests.fakes.ollama import FakeOllama
from tests.fakes.vllm import FakeVllm
from tests.unit.fleet.machines.rooms import factories

ROW = {
    "name": "gpu", "url": "http://gpu", "kind": "ollama", "device": "auto", "budget_bytes": 26 << 30, "labels": ["a"],
    "always_on": [], "enabled": True, "draining": False, "fixed": False, "key": "",
    "num_parallel": None, "max_loaded_models": None, "kv_cache_type": None, "flash_attention": None,
}  # fmt: skip
NOBODY = Budget(None, "nobody set budget_bytes")


class Host:
    def __init__(self, version=None, models=(), error=None, fixed=""):
        self._version, self._models, self._error, self.fixed = version, models, error, fixed

    async def version(self):
        if self._error == "silent":
            await asyncio.Event().wait()
        if self._error:
            raise self._error
        return self._version

    async def list_models(self):
        return [ModelInfo(name, "ollama") for name in self._models]


async def told(host, title="Ollama", *, enabled=True, budget=NOBODY):
    (check,) = await machines_found([Subject("gpu", title, "MACHINES", enabled, budget, host)])
    assert check.name == "Machine gpu"
    return check


async def test_a_good_machine_tells_its_server_its_models_and_its_memory():
    check = await told(Host("0.33.3", "abcdefg"), budget=Budget(26 << 30, "budget_bytes of the machine"))
    detail = "Ollama 0.33.3, models a, b, c, d, e and 2 more; memory: 26.0 GiB (budget_bytes of the machine)"
    assert check == Check("Machine gpu", "ok", detail)
    check = await told(Host(None, ["a"], fixed="This vLLM was started without its sleep mode."), "vLLM")
    assert check.verdict == "ok" and "one model at a time (nobody set budget_bytes)" in check.detail
    assert check.detail.startswith("vLLM, models a;") and check.detail.endswith("This vLLM was started without its sleep mode")


@pytest.mark.parametrize(("host", "detail", "cure"), [
    (Host(error=ProviderUnreachable("Ollama cannot be reached.", hint="Look.")), "Ollama cannot be reached", "Start Ollama there"),
    (Host(error=ProviderAuthFailed("vLLM refused the API key.", hint="Check the key.")), "refused the API key", "Check the key."),
    (Host(error="silent"), "silent for 0.01 s", "check the address in MACHINES"),
    (Host("0.16.0", "a"), "CVE-2026-7482", "0.17.1 or newer"),
    (Host("0.33.3"), "no model", "models pull gemma3:1b --machine gpu"),
])  # fmt: skip
async def test_what_is_wrong_with_a_machine_has_its_cure(monkeypatch, host, detail, cure):
    monkeypatch.setattr(machines, "_SECONDS", 0.01)
    check = await told(host)
    assert check.verdict == "warn" and detail in check.detail and cure in check.cure


async def test_an_engine_without_a_model_is_given_one_there():
    assert (await told(Host("0.14.0"), "vLLM")).cure == "Give vLLM a model there."


async def test_one_that_is_switched_off_is_not_asked():
    assert await told(Host(error="silent"), enabled=False) == Check("Machine gpu", "ok", "Ollama, switched off")


async def test_machines_of_the_settings_and_added_ones_are_asked_where_they_are():
    http = HttpClient()
    async with FakeOllama() as box, FakeVllm(memory=("small",)) as lab:
        fixed = [Record("box", box.url), Record("off", "http://off")]
        rows = [ROW | {"name": "lab", "kind": "vllm", "url": lab.url, "key": "sk-1"},
                ROW | {"name": "off", "fixed": True, "enabled": False}, ROW | {"name": "gone", "fixed": True}]  # fmt: skip
        found = subjects(fixed, rows, factories(http))
        assert [(one.name, one.title, one.where) for one in found] == [
            ("box", "Ollama", "MACHINES"), ("off", "Ollama", "MACHINES"), ("lab", "vLLM", "PATCH /machines/lab")
        ]  # fmt: skip
        checks = await machines_found(found)
    await http.close()
    assert [check.verdict for check in checks] == ["ok"] * 3 and "switched off" in checks[1].detail
    assert "vLLM 0.14.0, models small" in checks[2].detail and "26.0 GiB" in checks[2].detail
    assert lab.requests[-1].headers["authorization"] == "Bearer sk-1"
