import pytest
from pydantic import SecretStr

from core.errors import Conflict, InvalidField, NotFound, StorageFull
from core.machines import Named
from fleet.machines.health import Pace
from fleet.machines.opening import named
from fleet.machines.record import Record
from tests.unit.fleet.machines.rooms import Rows, factories, opened, working

FIXED = named("http://localhost:11434", (Named("box", "http://box:11434"),), ("gemma3",))
GPU = Record("gpu", "http://10.0.0.5:11434", budget_bytes=5, labels=("a",), always_on=("qwen3:8b",))


def names(machines):
    return [engine.record.name for engine in machines]


def test_the_settings_name_the_local_one_first_and_none_twice():
    assert [(one.name, one.always_on) for one in FIXED] == [("local", ("gemma3",)), ("box", ())]
    with pytest.raises(InvalidField, match="box leads to where OLLAMA_URL leads") as caught:
        named("http://127.0.0.1:11434", (Named("box", "http://localhost:11434/"),))
    assert caught.value.field == "MACHINES"
    with pytest.raises(InvalidField, match="two leads to where one leads"):
        named("http://localhost:11434", (Named("one", "http://box"), Named("two", "http://box:80")))


@pytest.mark.parametrize(("machine", "detail"), [
    (Named("lab", "http://lab", "toaster"), "MACHINES: lab: This kind of machine is not known."),
    (Named("lab", "http://lab", key=SecretStr("sk-1")), "MACHINES: lab: An Ollama takes no key."),
])  # fmt: skip
def test_a_machine_of_the_settings_that_cannot_be_is_named(machine, detail):
    with pytest.raises(InvalidField) as caught:
        named("http://localhost:11434", (machine,))
    assert (caught.value.detail, caught.value.field) == (detail, "MACHINES") and caught.value.hint


async def test_an_engine_has_its_kind_and_key_after_a_restart_and_moves_no_files():
    rows = Rows()
    fixed = named("http://localhost:11434", (Named("mac", "http://mac:1234", "lmstudio", SecretStr("sk-fixed")),))
    async with opened(fixed, rows) as machines:
        await machines.add(Record("lab", "http://lab:8000", "vllm", key="sk-1"))
        await machines.change("mac", {"enabled": False})
        assert rows.rows["mac"]["key"] == "", "that of the settings stays there"
    async with opened(fixed, rows) as machines:
        lab, mac = machines.get("lab"), machines.get("mac")
        assert (lab.record.kind, lab.record.key, mac.record.key) == ("vllm", "sk-1", "sk-fixed")
        before = lab.host
        await machines.change("lab", {"key": "sk-2"})
        assert lab.host is not before and rows.rows["lab"]["key"] == "sk-2"
        assert list(machines.ports()) == ["local"]
        machines.check_files("local")
        machines.check_files("unknown")
        with pytest.raises(Conflict, match="by the means of vLLM"):
            machines.check_files("lab")


async def test_what_was_added_is_there_after_a_restart():
    rows = Rows()
    async with opened(FIXED, rows) as machines:
        await machines.add(GPU)
        assert names(machines) == ["local", "box", "gpu"]
        await machines.change("gpu", {"labels": ("b",), "budget_bytes": None})
        await machines.change("box", {"enabled": False})
        assert [engine.origin for engine in machines] == ["local", "settings", "api"]
    async with opened(FIXED, rows) as machines:
        gpu = machines.get("gpu")
        assert (gpu.record.labels, gpu.record.budget_bytes, gpu.record.always_on) == (("b",), None, ("qwen3:8b",))
        assert machines.get("box").state == "disabled" and machines.local.open
        await machines.change("box", {"enabled": True})
        assert await machines.remove("gpu") is None
    async with opened(FIXED, rows) as machines:
        assert names(machines) == ["local", "box"] and machines.get("box").open


async def test_what_the_settings_no_longer_name_is_forgotten():
    rows = Rows()
    async with opened(FIXED, rows) as machines:
        await machines.change("box", {"enabled": False})
    async with opened(FIXED[:1], rows) as machines:
        assert names(machines) == ["local"] and not rows.rows


async def test_a_machine_whose_address_the_settings_have_taken_is_switched_off():
    rows = Rows()
    async with opened(FIXED[:1], rows) as machines:
        await machines.add(Record("gpu", "http://box:11434"))
    async with opened(FIXED, rows) as machines:
        assert machines.get("gpu").state == "disabled" and rows.rows["gpu"]["enabled"]


async def test_nothing_changes_that_cannot_be_kept():
    rows = Rows()
    async with opened(FIXED, rows) as machines:
        gpu = await machines.add(GPU)
        rows.fails = StorageFull("The disk is full.")
        for change in (
            machines.add(Record("two", "http://two")),
            machines.change("gpu", {"url": "http://x"}),
            machines.remove("gpu"),
        ):
            with pytest.raises(StorageFull):
                await change
        assert names(machines) == ["local", "box", "gpu"]
        assert machines.get("gpu") is gpu and gpu.record == GPU and gpu.open


@pytest.mark.parametrize(("record", "error", "field"), [
    (Record("gpu", "http://other"), Conflict, "name"), (Record("local", "http://other"), Conflict, "name"),
    (Record("two", "http://10.0.0.5:11434/"), Conflict, "url"), (Record("two", "http://127.0.0.1:11434"), Conflict, "url"),
    (Record("TWO", "http://other"), InvalidField, "name"), (Record("two", "other"), InvalidField, "url"),
])  # fmt: skip
async def test_what_cannot_be_added_names_its_member(record, error, field):
    async with opened(FIXED) as machines:
        await machines.add(GPU)
        with pytest.raises(error) as caught:
            await machines.add(record)
        assert caught.value.field == field and caught.value.hint and len(names(machines)) == 3


async def test_there_is_an_end_to_machines():
    async with opened(FIXED) as machines:
        for number in range(62):
            await machines.add(Record(f"m{number}", f"http://m{number}"))
        with pytest.raises(Conflict, match="64 machines"):
            await machines.add(GPU)


@pytest.mark.parametrize(("name", "where"), [("local", "OLLAMA_URL"), ("box", "MACHINES")])
async def test_a_machine_of_the_settings_is_changed_there(name, where):
    async with opened(FIXED) as machines:
        for refused in (
            machines.remove(name),
            machines.change(name, {"url": "http://x"}),
            machines.change(name, {"device": "cpu"}),
        ):
            with pytest.raises(Conflict, match=where) as caught:
                await refused
            assert where in caught.value.hint
        assert machines.get(name).open


async def test_an_unknown_machine_is_told_with_those_that_there_are():
    async with opened(FIXED) as machines:
        for refused in (machines.remove("x"), machines.change("x", {})):
            with pytest.raises(NotFound) as caught:
                await refused
            assert "local, box" in caught.value.hint


async def test_a_machine_with_work_in_flight_is_drained_before_it_goes():
    rows, turns = Rows(), {}
    async with opened(FIXED, rows, factories(opened=turns)) as machines:
        gpu = await machines.add(GPU)
        with working(gpu):
            assert await machines.remove("gpu") is gpu and gpu.state == "draining" and not gpu.open
            await machines.sweep()
            assert names(machines)[-1] == "gpu" and rows.rows["gpu"]["draining"] and not turns["gpu"].closed
        await machines.sweep()
        assert names(machines) == ["local", "box"] and "gpu" not in rows.rows and turns["gpu"].closed


async def test_one_that_was_draining_when_the_server_stopped_is_gone():
    rows = Rows()
    async with opened(FIXED, rows) as machines:
        gpu = await machines.add(GPU)
        with working(gpu):
            await machines.remove("gpu")
    async with opened(FIXED, rows) as machines:
        assert names(machines) == ["local", "box"] and not rows.rows


async def test_a_change_keeps_a_machine_that_was_to_go():
    rows = Rows()
    async with opened(FIXED, rows) as machines:
        gpu = await machines.add(GPU)
        with working(gpu):
            await machines.remove("gpu")
            await machines.change("gpu", {})
            assert gpu.open and not rows.rows["gpu"]["draining"]
        await machines.sweep()
        assert machines.get("gpu") is gpu


async def test_at_the_same_address_the_engine_stays_with_a_fresh_adapter_where_it_must():
    async with opened(FIXED) as machines:
        gpu = await machines.add(GPU)
        before = gpu.host
        await machines.change("gpu", {"labels": (), "budget_bytes": 9, "enabled": False})
        assert gpu.host is before and not gpu.open and gpu.budget.bytes == 9
        assert await machines.change("gpu", {"always_on": ("gemma3",), "enabled": True}) is gpu
        assert gpu.host is not before and gpu.open and gpu.keeps("gemma3:latest")


async def test_at_another_address_it_is_another_machine_and_the_work_at_the_old_one_ends_there():
    turns = {}
    async with opened(FIXED, None, factories(opened=turns)) as machines:
        gpu, old = await machines.add(GPU), turns["gpu"]
        with working(gpu):
            fresh = await machines.change("gpu", {"url": "http://10.0.0.6:11434"})
            assert fresh is not gpu and machines.get("gpu") is fresh and fresh.health.state == "unknown" and not gpu.open
            await machines.sweep()
            assert not old.closed
            with pytest.raises(Conflict, match="not ended"):
                await machines.add(Record("two", GPU.url))
        await machines.sweep()
        assert old.closed and not turns["gpu"].closed
        await machines.add(Record("two", GPU.url))
    assert turns["gpu"].closed


async def test_models_that_shall_stay_are_told_to_the_turns_and_turns_that_ended_end_the_loop():
    turns = {}
    async with opened(FIXED, None, factories(opened=turns)) as machines:
        await machines.add(GPU)
        await machines.change("gpu", {"always_on": ("gemma3",)})
        assert turns["gpu"].kept == ("gemma3:latest",)
        await machines.sweep()
        turns["box"].alive = False
        with pytest.raises(RuntimeError, match="box"):
            await machines.sweep()


async def test_the_loop_sweeps_and_leaves_disabled_machines_alone(clock):
    class Ended(Exception): ...

    async def sleep(_):
        raise Ended

    async with opened(
        [Record("local", "http://127.0.0.1:9", enabled=False)], None, clock=clock, sleep=sleep, pace=Pace()
    ) as machines:
        with pytest.raises(Ended):
            await machines.run()
        assert machines.local.health.failures == 0
