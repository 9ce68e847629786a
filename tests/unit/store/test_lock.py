import errno
import fcntl
import os

import pytest

from store.lock import InUse, hold


def release(handles):
    for handle in handles:
        os.close(handle)


def test_a_folder_has_one_holder_at_a_time(tmp_path):
    handles = hold(tmp_path / "data")
    with pytest.raises(InUse, match="Another Myelin"):
        hold(tmp_path / "data")
    hold(tmp_path / "other")
    release(handles)
    hold(tmp_path / "data")


def test_two_folders_cannot_share_a_database(tmp_path):
    database = tmp_path / "shared" / "jobs.db"
    handles = hold(tmp_path / "one", database)
    with pytest.raises(InUse, match="jobs.db"):
        hold(tmp_path / "two", database)
    hold(tmp_path / "two")  # what was taken before the refusal is free again
    release(handles)


def test_a_database_in_the_folder_needs_no_lock_of_its_own(tmp_path):
    (handle,) = hold(tmp_path, tmp_path / "myelin.db")
    os.close(handle)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP])
def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(InUse, match="cannot be locked"):
        hold(tmp_path)


def test_a_place_that_cannot_be_a_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InUse, match="cannot be locked"):
        hold(tmp_path / "file" / "data")
