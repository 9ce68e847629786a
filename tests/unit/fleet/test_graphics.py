"""Graphics cards out of a double of NVML and an invented sysfs."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from fleet.graphics import Gpu, amd_gpus, apple_gpus, find_gpus, in_a_thread, nvidia_gpus

GIB = 1 << 30


class Nvml:
    """The part of `pynvml` that is used, with a knob for each way to fail."""

    nvmlMemory_v2 = 0x02000028

    class NVMLError(Exception):
        pass

    def __init__(self, cards=("RTX",), *, no_driver=False, versions=(2, 1), lost=False, cut=None):
        """`cut` has for each index of a card in parts whether there is an instance at its places."""
        self.cards, self.no_driver, self.versions, self.lost, self.open = cards, no_driver, versions, lost, 0
        self.cut = cut or {}

    def nvmlInit(self):
        if self.no_driver:
            raise self.NVMLError("Driver Not Loaded")
        self.open += 1

    def nvmlShutdown(self):
        self.open -= 1

    def nvmlDeviceGetCount(self):
        if self.lost:
            raise self.NVMLError("GPU is lost")
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index):
        return index

    def nvmlDeviceGetMigMode(self, handle):
        if handle not in self.cut:
            raise self.NVMLError("Not Supported")
        return [int(self.cut[handle] is not None), 0]

    def nvmlDeviceGetMaxMigDeviceCount(self, handle):
        return len(self.cut[handle])

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle, index):
        if not self.cut[handle][index]:
            raise self.NVMLError("Not Found")
        return f"{handle}/{index}"

    def nvmlDeviceGetName(self, handle):
        return self.cards[handle] if isinstance(handle, int) else "A100 MIG 1g.10gb"

    def nvmlDeviceGetUUID(self, handle):
        return f"GPU-{handle}".encode()

    def nvmlDeviceGetMemoryInfo(self, handle, version=None):
        if (2 if version else 1) not in self.versions:
            raise self.NVMLError("Not Supported")
        return SimpleNamespace(total=24 * GIB + (1 if version else 0), used=GIB)


def test_cards_are_listed_and_nvml_is_closed():
    nvml = Nvml(("RTX 4090", b"A100"))
    cards, note = nvidia_gpus(nvml)
    assert cards[0] == Gpu("RTX 4090", "nvidia", "GPU-0", 24 * GIB + 1, GIB, "NVML")
    assert [card.name for card in cards] == ["RTX 4090", "A100"] and note is None and nvml.open == 0


@pytest.mark.parametrize(("versions", "total"), [((2,), 24 * GIB + 1), ((1,), 24 * GIB), ((), None)])
def test_each_version_of_the_memory_question_is_tried(versions, total):
    (card,), _ = nvidia_gpus(Nvml(versions=versions))
    assert card.vram_total == total


@pytest.mark.parametrize(
    ("nvml", "why"), [(Nvml(no_driver=True), "Driver Not Loaded"), (Nvml(lost=True), "GPU is lost"), (Nvml(()), "no card")]
)
def test_no_card_says_why(nvml, why):
    cards, note = nvidia_gpus(nvml)
    assert cards == () and why in note and nvml.open == 0


def test_a_card_in_parts_is_its_instances():
    cards, note = nvidia_gpus(Nvml(("A100", "A100"), cut={0: (True, False, True), 1: None}))
    assert [card.uuid for card in cards] == ["GPU-0/0", "GPU-0/2", "GPU-1"] and note is None
    assert nvidia_gpus(Nvml(("A100",), cut={0: (False, False)})) == ((), "NVIDIA: no card")


async def test_a_card_without_memory_of_its_own_shares_that_of_the_machine(tmp_path):
    (card,), _ = await find_gpus(128 * GIB, "Linux aarch64", 5, ask=lambda: nvidia_gpus(Nvml(versions=())), drm=tmp_path)
    assert card.vram_total == 96 * GIB and card.vram_used is None and "unified" in card.source


def test_amd_cards_from_sysfs(tmp_path):
    for card, files in {
        "card0": {
            "mem_info_vram_total": f"{16 * GIB}\n",
            "mem_info_vram_used": f"{GIB}\n",
            "product_name": "Radeon PRO\n",
            "unique_id": "ab12\n",
        },
        "card1": {"mem_info_vram_total": f"{8 * GIB}\n"},
        "card2": {"vendor": "0x8086\n"},
        "card3": {"mem_info_vram_total": "garbage\n"},
        "card0-HDMI-A-1": {},
    }.items():
        (tmp_path / card / "device").mkdir(parents=True)
        for name, text in files.items():
            (tmp_path / card / "device" / name).write_text(text)
    assert amd_gpus(tmp_path) == (
        Gpu("Radeon PRO", "amd", "ab12", 16 * GIB, GIB, "sysfs mem_info_vram_total"),
        Gpu("AMD card1", "amd", None, 8 * GIB, None, "sysfs mem_info_vram_total"),
    )
    assert amd_gpus(tmp_path / "missing") == ()


def test_apple_chips_share_their_memory_and_intel_macs_do_not():
    assert apple_gpus("Darwin arm64", 16 * GIB)[0].vram_total == 12 * GIB
    assert apple_gpus("Darwin x86_64", 16 * GIB) == apple_gpus("Linux aarch64", 16 * GIB) == ()


async def test_find_puts_makers_together(tmp_path):
    (tmp_path / "card0" / "device").mkdir(parents=True)
    (tmp_path / "card0" / "device" / "mem_info_vram_total").write_text(str(GIB))
    cards, notes = await find_gpus(GIB, "Linux x86_64", 5, ask=lambda: nvidia_gpus(Nvml()), drm=tmp_path)
    assert [card.vendor for card in cards] == ["nvidia", "amd"] and notes == ()


async def test_find_on_a_mac_asks_no_driver():
    cards, notes = await find_gpus(8 * GIB, "Darwin arm64", 5, ask=lambda: pytest.fail("asked"))
    assert [card.vendor for card in cards] == ["apple"] and notes == ()


async def test_a_driver_that_hangs_costs_the_deadline_and_a_note(tmp_path):
    stuck = threading.Event()
    cards, notes = await find_gpus(GIB, "Linux x86_64", 0.02, ask=lambda: stuck.wait(30), drm=tmp_path)
    assert cards == () and "no answer in 0.02 s" in notes[0]
    ask, read = (lambda: ((), None)), (lambda drm: stuck.wait(30))
    cards, notes = await find_gpus(GIB, "Linux x86_64", 0.02, ask=ask, read=read, drm=tmp_path)
    assert cards == () and notes == ("AMD: the driver gave no answer in 0.02 s",)
    stuck.set()


async def test_what_the_thread_raises_comes_back():
    with pytest.raises(ZeroDivisionError):
        await in_a_thread(lambda: 1 // 0, 5)
    assert await in_a_thread(lambda: 7, 5) == 7


def test_an_answer_after_the_loop_has_closed_disturbs_nobody():
    stuck, answered = threading.Event(), threading.Event()

    def late():
        stuck.wait(30)
        answered.set()

    async def main():
        with pytest.raises(TimeoutError):
            await in_a_thread(late, 0.01)

    asyncio.run(main())
    stuck.set()
    assert answered.wait(5)
    for thread in [thread for thread in threading.enumerate() if thread.name == "graphics"]:
        thread.join(5)
