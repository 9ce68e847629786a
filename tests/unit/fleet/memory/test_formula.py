import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.memory.anatomy import Anatomy, Layer
from fleet.memory.formula import DRIVER_BYTES, KvType, Setting, foreseen_by_ollama, need

GIB, MIB = 1 << 30, 1 << 20
#: Llama 3.1 8B at Q4_K_M: 32 layers of 8 heads of 128 + 128.
LLAMA = Anatomy(4_920_753_328, "sha256:1", 131072, (Layer(8 * 256),) * 32)


@pytest.mark.parametrize(("kv_type", "bytes_a_cell"), [("f16", 2), ("q8_0", 1.0625), ("q4_0", 0.5625)])
def test_the_cache_is_one_gib_for_eight_thousand_tokens_of_llama(kv_type: KvType, bytes_a_cell: float) -> None:
    assert need(LLAMA, Setting(8192, 1, kv_type)).cache == GIB * bytes_a_cell / 2
    assert need(LLAMA, Setting(4096, 2, kv_type)).cache == GIB * bytes_a_cell / 2


def test_windows_bound_the_cache_of_their_layers() -> None:
    gemma = Anatomy(GIB, "b", 32768, (Layer(1024, 512), Layer(1024)))
    assert need(gemma, Setting(8192)).cache == 2 * 1024 * (512 + 8192)


def test_the_parts_add_up() -> None:
    found = need(LLAMA, Setting(4096))
    assert found.total == found.shown + DRIVER_BYTES == LLAMA.weights + GIB // 2 + found.buffers + DRIVER_BYTES
    assert 300 * MIB < found.buffers < 800 * MIB
    assert need(LLAMA, Setting(8192)).buffers - found.buffers == 768 * MIB, "Ollama takes a larger batch"
    assert need(LLAMA, Setting(65536)).buffers - found.buffers == 2 * GIB
    seeing = Anatomy(LLAMA.weights, "b", LLAMA.context, LLAMA.layers, sees=True)
    assert need(seeing, Setting(4096)).total - found.total == GIB
    assert need(LLAMA, Setting(4096, device="cpu")).driver == 0


def test_a_context_beyond_the_training_is_never_given() -> None:
    assert need(LLAMA, Setting(1 << 20)) == need(LLAMA, Setting(131072))


def test_of_an_unknown_model_the_files_are_the_measure() -> None:
    for device in ("gpu", "cpu"):
        assert need(Anatomy(10 * GIB, "b"), Setting(8192, device=device)).total == 14 * GIB


def test_ollama_foresees_f16_the_fewest_heads_and_no_windows() -> None:
    mixed = Anatomy(GIB, "b", 32768, (Layer(1024, 512), Layer(512)))
    assert foreseen_by_ollama(mixed, Setting(4096, 2, "q4_0")) == GIB + 2 * 512 * 8192 * 2
    assert foreseen_by_ollama(Anatomy(GIB, "b"), Setting(8192)) == GIB + 768 * MIB


LAYERS = st.lists(st.builds(Layer, st.integers(0, 8192), st.none() | st.integers(1, 8192)), max_size=60).map(tuple)
ANATOMIES = st.builds(Anatomy, st.integers(0, 1 << 38), st.just("b"), st.none() | st.integers(1, 1 << 20), LAYERS, st.booleans())


@given(ANATOMIES, st.integers(4, 1 << 20), st.integers(0, 1 << 18), st.integers(1, 8))
def test_more_context_or_more_slots_never_need_less(anatomy: Anatomy, num_ctx: int, more: int, parallel: int) -> None:
    least = need(anatomy, Setting(num_ctx, parallel))
    assert least.total <= need(anatomy, Setting(num_ctx + more, parallel)).total
    assert least.total <= need(anatomy, Setting(num_ctx, parallel + 1)).total
    assert need(anatomy, Setting(num_ctx, parallel, "q8_0")).total <= least.total
    assert least.total >= anatomy.weights and min(least.cache, least.buffers, least.driver) >= 0
