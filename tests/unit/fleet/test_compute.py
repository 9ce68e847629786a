"""The switch between processor and card, against an Ollama that behaves like the real one."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from core.errors import Conflict, InvalidField, ModelOutOfMemory, ProviderTimeout, ProviderUnreachable
from fleet.compute import Compute, Resident, Waits, gpu_presence, num_gpu
from fleet.graphics import Gpu
from fleet.hardware import Figure, Hardware

GIB = 1 << 30


class Ollama:
    """`/api/ps`, unload and load as Ollama does them: unloading is a request, the model leaves `lag` looks later."""

    def __init__(self, resident=(), *, lag=0, has_gpu=True, spill=1.0):
        self.calls, self.lag, self.has_gpu, self.spill = [], lag, has_gpu, spill
        self.down_from = None
        self.load_error = None
        self.models = {name: Resident(name, 4 * GIB, vram) for name, vram in resident}
        self._leaving = {}

    def _call(self, *call):
        if self.down_from is not None and len(self.calls) >= self.down_from:
            raise ProviderUnreachable("Ollama cannot be reached.")
        self.calls.append(call)

    async def ps(self):
        self._call("ps")
        for name in [name for name, left in self._leaving.items() if left <= 0]:
            self.models.pop(name, None)
            del self._leaving[name]
        self._leaving = {name: left - 1 for name, left in self._leaving.items()}
        return list(self.models.values())

    async def unload(self, model):
        self._call("unload", model)
        self._leaving[model] = self.lag

    async def load(self, model, *, num_gpu):
        self._call("load", model, num_gpu)
        if self.load_error:
            raise self.load_error
        vram = 0 if num_gpu == 0 or not self.has_gpu else int(4 * GIB * self.spill)
        self.models[model] = Resident(model, 4 * GIB, vram)

    def verbs(self):
        return [call for call in self.calls if call[0] != "ps"]


class Gate:
    """A `Door`; who is `admitted` waits until it opens."""

    def __init__(self):
        self.inside, self.opened, self.left = 0, asyncio.Event(), asyncio.Event()
        self.opened.set()

    @property
    def is_open(self):
        return self.opened.is_set()

    @asynccontextmanager
    async def admitted(self):
        await self.opened.wait()
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
            self.left.set()

    async def close_and_drain(self, seconds):
        self.opened.clear()
        try:
            async with asyncio.timeout(seconds):
                while self.inside:
                    self.left.clear()
                    await self.left.wait()
        except TimeoutError:
            return False
        return True

    def open(self):
        self.opened.set()


class House:
    def __init__(self, ollama, *, mode="auto", always_on=("gemma3:1b",), presence="present"):
        self.ollama, self.saved, self.slept, self.clock = ollama, [], 0.0, 1000.0
        self.door = Gate()

        async def save(value):
            assert self.door.inside == 0 and not self.door.is_open
            self.saved.append(value)

        async def sleep(seconds):
            self.slept += seconds
            await asyncio.sleep(0)

        self.compute = Compute(
            self.door, ollama, mode=mode, save=save, presence=lambda: (presence, "NVIDIA: Driver Not Loaded"),
            always_on=lambda: always_on, now=self._now, sleep=sleep, waits=Waits(drain=0.02, leave=3, load=1, call=1, look=0.5),
        )  # fmt: skip

    def _now(self):
        self.clock += 1
        return self.clock


def steps(switch):
    return [step["step"] for step in switch.steps]


ALL_STEPS = ["admission closed", "drained", "mode stored", "unload asked", "unload confirmed", "loaded", "verified"]


async def test_from_the_card_to_the_processor():
    ollama = Ollama([("gemma3:1b", 4 * GIB), ("qwen3:8b", 4 * GIB)], lag=2)
    house = House(ollama)
    switch = await house.compute.switch("cpu")
    assert (switch.state, house.compute.mode, house.saved) == ("done", "cpu", ["cpu"])
    assert steps(switch) == ALL_STEPS
    assert ollama.verbs() == [("unload", "gemma3:1b"), ("unload", "qwen3:8b"), ("load", "gemma3:1b", 0)]
    assert list(ollama.models) == ["gemma3:1b"] and ollama.models["gemma3:1b"].size_vram == 0
    assert house.door.is_open and house.slept == 1.0


async def test_from_the_processor_to_the_card_sends_all_layers():
    ollama = Ollama([("gemma3:1b", 0)])
    switch = await House(ollama, mode="cpu").compute.switch("gpu")
    assert switch.state == "done" and ("load", "gemma3:1b", 999) in ollama.calls
    assert "100%" in switch.steps[-1]["detail"]


async def test_auto_leaves_the_option_out():
    ollama = Ollama([("gemma3:1b", 0)])
    assert (await House(ollama, mode="cpu").compute.switch("auto")).state == "done"
    assert ("load", "gemma3:1b", None) in ollama.calls
    assert [num_gpu(mode) for mode in ("cpu", "gpu", "auto")] == [0, 999, None]


@pytest.mark.parametrize(("mode", "vram"), [("cpu", 0), ("gpu", 4 * GIB), ("auto", GIB)])
async def test_the_mode_that_holds_already_moves_nothing(mode, vram):
    ollama = Ollama([("gemma3:1b", vram)])
    house = House(ollama, mode=mode)
    async with house.door.admitted():
        switch = await house.compute.switch(mode)
    assert switch.state == "done" and "already" in switch.message
    assert ollama.verbs() == [] and house.saved == [] and switch.steps == []


@pytest.mark.parametrize("resident", [[("gemma3:1b", 4 * GIB)], [], [("gemma3:1b", 0), ("other:latest", GIB)]])
async def test_the_same_mode_is_enforced_when_the_truth_differs(resident):
    ollama = Ollama(resident)
    assert (await House(ollama, mode="cpu").compute.switch("cpu")).state == "done"
    assert [(name, model.size_vram) for name, model in ollama.models.items()] == [("gemma3:1b", 0)]


async def test_nothing_is_unloaded_while_a_question_is_in_flight():
    ollama = Ollama([("gemma3:1b", 4 * GIB)])
    house = House(ollama)
    async with house.door.admitted():
        switch = await house.compute.switch("cpu")
        assert switch.state == "failed" and "1 in flight" in switch.message and ollama.verbs() == []
    assert (house.compute.mode, house.saved, house.door.is_open) == ("auto", [], True)


async def test_questions_wait_until_the_end_of_the_switch():
    ollama = Ollama([("gemma3:1b", 4 * GIB)])
    house, loading, loaded, seen = House(ollama), asyncio.Event(), asyncio.Event(), []

    async def load(model, *, num_gpu):
        loading.set()
        await loaded.wait()

    async def question():
        async with house.door.admitted():
            seen.append(house.compute.last.state)

    ollama.load = load
    switching = asyncio.create_task(house.compute.switch("cpu"))
    await loading.wait()
    asking = asyncio.create_task(question())
    with pytest.raises(Conflict) as raised:
        house.compute.begin("gpu")
    assert house.compute.last.id in raised.value.detail and "to cpu" in raised.value.detail
    assert seen == []
    loaded.set()
    await asyncio.gather(switching, asking)
    assert seen == ["failed"]  # this load kept nothing in memory, and that was noticed


async def test_a_model_that_does_not_leave_is_named():
    ollama = Ollama([("gemma3:1b", 4 * GIB)], lag=1000)
    house = House(ollama)
    switch = await house.compute.switch("cpu")
    assert switch.state == "failed" and "gemma3:1b did not leave" in switch.message
    assert house.slept == 3.0 and house.door.is_open
    assert not [call for call in ollama.calls if call[0] == "load"]


@pytest.mark.parametrize(("left", "state", "words"), [(True, "done", "mode cpu"), (False, "failed", "did not leave")])
async def test_an_unload_that_times_out_is_settled_by_what_is_resident(left, state, words):
    ollama = Ollama([("gemma3:1b", 4 * GIB)], lag=1000)

    async def unload(model):
        ollama.models = {} if left else ollama.models
        raise ProviderTimeout("The model did not leave the memory in time.")

    ollama.unload = unload
    switch = await House(ollama).compute.switch("cpu")
    assert switch.state == state and words in switch.message


@pytest.mark.parametrize("down_from", range(8))
async def test_ollama_down_at_any_moment_stores_the_mode_and_says_so(down_from):
    ollama = Ollama([("gemma3:1b", 4 * GIB)], lag=1)
    ollama.down_from = down_from
    house = House(ollama)
    switch = await house.compute.switch("cpu")
    assert (house.compute.mode, house.saved, house.door.is_open) == ("cpu", ["cpu"], True)
    assert switch.state == ("deferred" if down_from < 6 else "done")
    assert ("next question" in switch.message) == (down_from < 6)


async def test_ollama_that_hangs_is_ollama_down():
    ollama = Ollama()

    async def ps():
        await asyncio.Event().wait()

    ollama.ps = ps
    house = House(ollama)
    house.compute._waits = Waits(call=0.01)
    assert (await house.compute.switch("cpu")).state == "deferred"


async def test_an_always_on_model_that_does_not_fit_fails_with_its_reason():
    ollama = Ollama()
    ollama.load_error = ModelOutOfMemory("gemma3:1b does not fit into memory.")
    house = House(ollama)
    switch = await house.compute.switch("cpu")
    assert (switch.state, switch.message, house.door.is_open) == ("failed", "gemma3:1b does not fit into memory.", True)


@pytest.mark.parametrize(("has_gpu", "spill", "share"), [(False, 1.0, "0%"), (True, 0.5, "50%")])
async def test_the_card_is_verified_and_not_believed(has_gpu, spill, share):
    switch = await House(Ollama(has_gpu=has_gpu, spill=spill), presence="unknown").compute.switch("gpu")
    assert switch.state == "failed" and f"gemma3:1b {share} in video memory" in switch.message


async def test_a_model_named_without_its_tag_is_found():
    ollama = Ollama()
    house = House(ollama, always_on=("gemma3", "hf.co/unsloth/x"))
    assert (await house.compute.switch("cpu")).state == "done"
    assert [call[1] for call in ollama.verbs()] == ["gemma3:latest", "hf.co/unsloth/x:latest"]
    assert "already" in (await house.compute.switch("cpu")).message


async def test_a_cancelled_switch_opens_the_door_and_is_not_running():
    ollama, house = Ollama([("gemma3:1b", 4 * GIB)]), None
    house, started = House(ollama), asyncio.Event()

    async def load(model, *, num_gpu):
        started.set()
        await asyncio.Event().wait()

    ollama.load = load
    task = asyncio.create_task(house.compute.switch("cpu"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert house.door.is_open and house.compute.last.state == "failed"
    house.compute.begin("auto")


async def test_a_card_that_is_not_there_is_refused_with_what_was_detected():
    ollama = Ollama()
    house = House(ollama, presence="absent")
    with pytest.raises(InvalidField) as raised:
        house.compute.begin("gpu")
    assert raised.value.field == "mode" and "Driver Not Loaded" in raised.value.detail and raised.value.hint
    assert house.compute.last is None and ollama.calls == []
    assert House(ollama, presence="unknown").compute.begin("gpu").state == "running"


@pytest.mark.parametrize("mode", ["", "GPU", "tpu", "none"])
def test_unknown_modes_are_named(mode):
    with pytest.raises(InvalidField, match="cpu, gpu and auto"):
        House(Ollama()).compute.begin(mode)


CARD = Gpu("RTX", "nvidia", "GPU-1", 8 * GIB, 0, "NVML")


@pytest.mark.parametrize(
    ("url", "gpus", "presence"),
    [
        ("http://localhost:11434", (CARD,), "present"),
        ("http://127.0.0.1:11434", (), "absent"),
        ("http://[::1]:11434", (), "absent"),
        ("http://ollama:11434", (), "unknown"),
        ("https://gpu-box.example.com", (CARD,), "unknown"),
        ("http://192.168.0.9:11434", (), "unknown"),
    ],
)
def test_whose_card_it_would_be(url, gpus, presence):
    figure = Figure(1, "x")
    assert gpu_presence(Hardware(figure, figure, figure, gpus), url) == presence


async def test_a_switch_is_plain_json():
    shown = (await House(Ollama()).compute.switch("cpu")).as_json()
    assert shown["state"] == "done" and shown["started_at"] < shown["steps"][0]["at"] < shown["finished_at"]
    assert set(shown) == {"id", "mode", "state", "message", "started_at", "finished_at", "steps"}
