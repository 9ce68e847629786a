import os
from pathlib import Path

import pytest

from documents.sandbox import watch
from documents.sandbox.limits import Limits

LIMITS = Limits(processes=3, memory_bytes=1000, file_bytes=100_000)


@pytest.mark.parametrize(
    ("use", "why"),
    [(watch.Use(3, 1000), None), (watch.Use(4, 0), "processes"), (watch.Use(1, 1001), "memory"), (watch.Use(), None)],
)
def test_a_group_has_too_much_only_above_its_limits(use: watch.Use, why: str | None, tmp_path: Path) -> None:
    assert watch.excess(use, str(tmp_path), LIMITS) == why


def test_disk_is_counted_in_all_folders(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(os.urandom(25_000))
    assert watch.excess(watch.Use(), str(tmp_path), LIMITS) is None
    (tmp_path / "c" / "more").write_bytes(os.urandom(25_000))
    assert watch.excess(watch.Use(), str(tmp_path), LIMITS) == "disk"


def test_many_empty_files_are_too_much_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "ENTRIES", 10)
    for number in range(11):
        (tmp_path / str(number)).touch()
    assert watch.excess(watch.Use(), str(tmp_path), LIMITS) == "disk"


def test_a_folder_that_is_gone_weighs_nothing(tmp_path: Path) -> None:
    assert watch.excess(watch.Use(), str(tmp_path / "gone"), LIMITS) is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
def test_groups_counts_this_process() -> None:
    own = watch.groups()[os.getpgrp()]
    assert own.processes >= 1 and own.memory > 5_000_000
