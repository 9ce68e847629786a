from hypothesis import assume, given
from hypothesis import strategies as st

from fleet.memory.formula import Setting
from fleet.memory.learning import Learned, Sight


def learned(*seen: tuple[int, int]) -> Learned:
    known = Learned()
    for num_ctx, count in seen:
        known.add(Sight("b", num_ctx, 1, "f16", "gpu", count))
    return known


CONTEXTS = st.integers(4, 1 << 20)


@given(st.integers(0, 1 << 36), st.integers(0, 1 << 18), CONTEXTS, CONTEXTS, CONTEXTS)
def test_two_looks_give_the_line(base: int, slope: int, first: int, second: int, asked: int) -> None:
    assume(first != second)
    known = learned((first, base + slope * first), (second, base + slope * second))
    found = known.known("b", Setting(asked))
    assert abs(found - max(0, base + slope * asked)) <= 1 + 1e-9 * found


@given(st.dictionaries(CONTEXTS, st.integers(0, 1 << 40), min_size=2, max_size=6), CONTEXTS)
def test_what_was_seen_is_said_and_between_two_looks_lies_what_is_between_them(seen: dict[int, int], asked: int) -> None:
    known = learned(*seen.items())
    assert all(known.known("b", Setting(num_ctx)) == count for num_ctx, count in seen.items())
    below, above = [c for c in seen if c <= asked], [c for c in seen if c >= asked]
    found = known.known("b", Setting(asked))
    assert found >= 0
    if below and above and seen[max(below)] <= seen[min(above)]:
        assert seen[max(below)] <= found <= seen[min(above)]


def test_another_way_to_load_is_another_matter() -> None:
    known = learned((4096, 100), (8192, 200))
    for setting in (Setting(4096, 2), Setting(4096, 1, "q8_0"), Setting(4096, device="cpu")):
        assert known.known("b", setting) is None and known.only("b", setting) is None
    assert known.known("c", Setting(4096)) is None


def test_more_context_never_takes_less() -> None:
    assert learned((4096, 200), (8192, 100)).known("b", Setting(16384)) == 200


def test_one_look_is_no_line() -> None:
    known = learned((4096, 100))
    assert known.known("b", Setting(8192)) is None and known.known("b", Setting(4096)) == 100
    assert known.only("b", Setting(8192)) == Sight("b", 4096, 1, "f16", "gpu", 100)
    assert learned((4096, 100), (8192, 200)).only("b", Setting(8192)) is None


def test_a_look_that_tells_nothing_more_is_not_kept() -> None:
    known = learned((4096, 1000))
    assert not known.add(Sight("b", 4096, 1, "f16", "gpu", 1009)) and known.known("b", Setting(4096)) == 1000
    assert known.add(Sight("b", 4096, 1, "f16", "gpu", 900)) and known.known("b", Setting(4096)) == 900
