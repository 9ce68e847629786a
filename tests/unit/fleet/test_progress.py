"""Progress out of pull lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.progress import Progress

MB = 1 << 20


def line(digest="sha256:a", completed=0, total=100 * MB):
    return {"status": f"pulling {digest}", "digest": digest, "total": total, "completed": completed}


def test_nothing_is_known_at_first():
    progress = Progress()
    progress.update({"status": "pulling manifest"}, 0)
    assert (progress.completed, progress.total, progress.speed, progress.eta_seconds) == (0, None, None, None)


def test_layers_are_summed():
    progress = Progress()
    progress.update(line("a", 10 * MB, 100 * MB), 0)
    progress.update(line("b", 5 * MB, 50 * MB), 1)
    progress.update(line("a", 30 * MB, 100 * MB), 2)
    assert (progress.completed, progress.total) == (35 * MB, 150 * MB)


def test_speed_and_time_left():
    progress = Progress()
    for second in range(6):
        progress.update(line(completed=second * 10 * MB), second)
    assert progress.speed == 10 * MB and progress.eta_seconds == 5


def test_what_lay_on_the_disk_is_done_but_is_no_speed():
    progress = Progress()
    progress.update(line(completed=90 * MB), 0)
    assert progress.completed == 90 * MB and progress.speed is None
    progress.update(line(completed=91 * MB), 1)
    assert progress.speed == MB and progress.eta_seconds == 9


def test_only_the_last_ten_seconds_count():
    progress = Progress()
    progress.update(line(completed=0), 0)
    progress.update(line(completed=50 * MB), 1)
    for second in range(20, 26):
        progress.update(line(completed=(50 + second) * MB), second)
    assert progress.speed == MB


def test_a_part_that_is_fetched_again_is_shown_and_is_no_negative_speed():
    progress = Progress()
    progress.update(line(completed=50 * MB), 0)
    progress.update(line(completed=20 * MB), 1)
    assert progress.completed == 20 * MB and progress.speed == 0 and progress.eta_seconds is None


@pytest.mark.parametrize(
    "broken",
    [{"digest": 5, "total": 1}, {"digest": "a", "total": "9"}, {"digest": "a", "total": -1}, {"digest": "a", "total": True},
     {"digest": "a", "total": 1 << 70}, {"digest": "a"}, {}],
)  # fmt: skip
def test_a_malformed_line_changes_nothing(broken):
    progress = Progress()
    progress.update(broken, 0)
    assert progress.total is None


def test_more_than_all_is_all_and_layers_have_an_end():
    progress = Progress()
    progress.update(line("a", 200 * MB, 100 * MB), 0)
    assert progress.completed == 100 * MB
    for number in range(5000):
        progress.update(line(f"layer {number}", 1, 1), 1)
    assert progress.total == 100 * MB + 999


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)


@given(
    st.lists(
        st.tuples(st.dictionaries(st.sampled_from(["status", "digest", "total", "completed"]), JSON), st.floats(0, 100)),
        max_size=30,
    )
)
def test_any_lines_give_sane_figures(lines):
    progress = Progress()
    for content, at in sorted(lines, key=lambda pair: pair[1]):
        progress.update(content, at)
    assert progress.total is None or 0 <= progress.completed <= progress.total
    assert progress.speed is None or progress.speed >= 0
    assert progress.eta_seconds is None or progress.eta_seconds >= 0
