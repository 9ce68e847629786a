"""Cores and memory out of invented control-group trees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.graphics import Gpu
from fleet.hardware import (
    Figure,
    combine,
    cpu_limit,
    detect,
    memory_limits,
    read_bytes,
    read_cpu_max,
    read_cpu_quota,
    read_groups,
    read_stat,
)

GIB = 1 << 30
V2 = "0::/docker/ab\n"
V1 = "4:memory:/docker/ab\n3:cpuset:/\n2:cpu,cpuacct:/docker/ab\n1:name=systemd:/docker/ab\n"


def tree(groups, **files):
    """`read` over files named by their path below /sys/fs/cgroup, `/` written as `__`."""
    texts = {"/proc/self/cgroup": groups}
    texts |= {"/sys/fs/cgroup/" + path: text for path, text in files.pop("at", {}).items()}
    return texts.get


@pytest.mark.parametrize(
    ("text", "cores"),
    [("max 100000\n", None), ("150000 100000\n", 1.5), ("200000", 2.0), ("50000 100000", 0.5), ("", None), (None, None),
     ("0 100000", None), ("100000 0", None), ("-1 100000", None), ("abc def", None), ("1 2 3", None)],
)  # fmt: skip
def test_version_2_quota(text, cores):
    assert read_cpu_max(text) == cores


@pytest.mark.parametrize(
    ("quota", "period", "cores"),
    [("-1\n", "100000\n", None), ("400000\n", "100000\n", 4.0), ("25000", "100000", 0.25), (None, None, None), ("1", "", None)],
)
def test_version_1_quota(quota, period, cores):
    assert read_cpu_quota(quota, period) == cores


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("max\n", None),
        ("1073741824\n", GIB),
        ("9223372036854771712\n", None),
        ("", None),
        (None, None),
        ("-1", None),
        ("1e9", None),
        ("0", 0),
    ],
)
def test_memory_sizes(text, size):
    assert read_bytes(text) == size


def test_groups_of_both_versions():
    assert read_groups(V2) == {"": "/docker/ab"}
    assert read_groups(V1)["cpu"] == read_groups(V1)["cpuacct"] == read_groups(V1)["memory"] == "/docker/ab"
    assert read_groups(None) == read_groups("nonsense\n\n:::\n0:") == {}


def test_a_counter_of_memory_stat():
    text = "anon 5\ninactive_file 1234\nnot_inactive_file 9\n"
    assert read_stat(text, "inactive_file") == 1234
    assert read_stat(text, "missing") == read_stat(None, "inactive_file") == 0


@pytest.mark.parametrize(
    ("groups", "at", "cores", "source"),
    [
        (V2, {"docker/ab/cpu.max": "150000 100000"}, 1.5, "cgroup v2 cpu.max"),
        (V2, {"cpu.max": "100000 100000"}, 1.0, "cgroup v2 cpu.max"),  # the path is from outside the container
        (V2, {"docker/ab/cpu.max": "400000 100000", "docker/cpu.max": "200000 100000"}, 2.0, "cgroup v2 cpu.max"),
        (V2, {"docker/ab/cpu.max": "max 100000", "docker/cpu.max": "300000 100000"}, 3.0, "cgroup v2 cpu.max"),
        (V1, {"cpu,cpuacct/docker/ab/cpu.cfs_quota_us": "50000", "cpu,cpuacct/docker/ab/cpu.cfs_period_us": "100000"}, 0.5,
         "cgroup v1 cpu.cfs_quota_us"),
        (V1, {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1.0, "cgroup v1 cpu.cfs_quota_us"),
    ],
)  # fmt: skip
def test_the_smallest_quota_on_the_way_up_wins(groups, at, cores, source):
    assert cpu_limit(tree(groups, at=at)) == Figure(cores, source)


@pytest.mark.parametrize(
    ("groups", "at"), [(V2, {}), (V1, {}), (None, {}), (V2, {"docker/ab/cpu.max": "max 100000"}), ("0::/../../x\n", {})]
)
def test_no_quota(groups, at):
    assert cpu_limit(tree(groups, at=at)) is None


def test_memory_left_counts_page_cache_as_free():
    at = {
        "docker/ab/memory.max": str(4 * GIB),
        "docker/ab/memory.current": str(3 * GIB),
        "docker/ab/memory.stat": f"inactive_file {GIB}\n",
    }
    ((limit, left),) = memory_limits(tree(V2, at=at))
    assert (limit.value, left.value) == (4 * GIB, 2 * GIB)
    assert limit.source == "cgroup v2 memory.max"


def test_memory_of_version_1():
    at = {"memory/memory.limit_in_bytes": str(GIB), "memory/memory.usage_in_bytes": str(2 * GIB)}
    ((limit, left),) = memory_limits(tree(V1, at=at))
    assert (limit.value, left.value, limit.source) == (GIB, 0, "cgroup v1 memory.limit_in_bytes")


def test_the_container_s_limits_win_over_the_machine():
    at = {"cpu.max": "200000 100000", "memory.max": str(2 * GIB), "memory.current": str(GIB)}
    hardware = combine(tree("0::/\n", at=at), 64, (256 * GIB, 200 * GIB))
    assert hardware.cores == Figure(2.0, "cgroup v2 cpu.max")
    assert hardware.ram_total == Figure(2 * GIB, "cgroup v2 memory.max")
    assert hardware.ram_available == Figure(GIB, "cgroup v2 memory.max less what is used")


def test_a_limit_above_the_machine_changes_nothing():
    at = {"cpu.max": "6400000 100000", "memory.max": str(500 * GIB), "memory.current": "0"}
    hardware = combine(tree("0::/\n", at=at), 4, (8 * GIB, 3 * GIB))
    assert (hardware.cores, hardware.ram_available) == (Figure(4, "processor affinity"), Figure(3 * GIB, "memory of the machine"))


@given(
    st.dictionaries(
        st.sampled_from(
            ["/proc/self/cgroup", "/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.stat"]
        ),
        st.text(),
    )
)
def test_any_text_gives_figures_within_the_machine(files):
    hardware = combine(files.get, 4, (GIB, GIB // 2))
    assert 0 < hardware.cores.value <= 4 and 0 <= hardware.ram_available.value <= GIB // 2


def test_as_json_sums_the_video_memory_that_is_known():
    cards = (Gpu("A", "nvidia", "GPU-1", 8 * GIB, GIB, "NVML"), Gpu("B", "nvidia", "GPU-2", None, None, "NVML"))
    shown = combine(tree(None), 1, (GIB, GIB), cards, ("a note",)).as_json()
    assert shown["vram_total"] == 8 * GIB and shown["gpus"][0]["name"] == "A"
    assert shown["cores"] == {"value": 1, "source": "processor affinity"} and shown["notes"] == ("a note",)
    assert combine(tree(None), 1, (GIB, GIB)).as_json()["vram_total"] is None


async def test_this_machine_has_cores_and_memory():
    hardware = await detect()
    assert hardware.cores.value > 0 and 0 < hardware.ram_available.value <= hardware.ram_total.value
    assert hardware.gpus or hardware.notes
