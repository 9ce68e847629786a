import errno
import hashlib
import os

import pytest

from core.errors import StorageFull
from store.files import Files

JOB = "ab" + "0" * 30


@pytest.fixture
def files(tmp_path) -> Files:
    store = Files(tmp_path)
    store.prepare()
    return store


async def test_a_kept_file_has_its_content_its_hash_and_no_other_readers(files):
    incoming = files.receive(JOB)
    pieces = [b"a" * 700_000, b"b" * 700_000, b"c"]
    for piece in pieces:
        await incoming.write(piece)
    assert await incoming.keep() == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert incoming.size == 1_400_001
    assert incoming.head == b"a" * 4096
    assert files.path(JOB).read_bytes() == b"".join(pieces)
    assert files.path(JOB).stat().st_mode & 0o077 == 0
    assert not list(files.incoming.iterdir())


async def test_file_and_folder_are_synced_before_keep_returns(files, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(os.readlink(f"/proc/self/fd/{handle}")), real(handle)))
    incoming = files.receive(JOB)
    await incoming.write(b"x")
    await incoming.keep()
    assert synced == [str(files.incoming / JOB), str(files.path(JOB).parent)]


def test_a_start_makes_the_folder_of_every_job_and_makes_them_durable(tmp_path, monkeypatch):
    made, real = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (made.append(_folders(handle)), real(handle)))
    store = Files(tmp_path / "data")
    store.prepare()
    assert (str(store.kept), 256) in made and (str(store.kept.parent), 2) in made
    assert all(store.path(f"{number:02x}{'0' * 30}").parent.is_dir() for number in range(256))
    assert {folder.stat().st_mode & 0o077 for folder in store.kept.iterdir()} == {0}
    store.prepare()


def _folders(handle):
    """The name of an open folder, and how many folders are in it."""
    path = os.readlink(f"/proc/self/fd/{handle}")
    return path, len(os.listdir(path))


async def test_a_discarded_file_leaves_nothing(files):
    incoming = files.receive(JOB)
    await incoming.write(b"a" * 2_000_000)
    await incoming.discard()
    assert not list(files.incoming.iterdir())
    assert not files.path(JOB).exists()


async def test_a_full_disk_is_a_typed_error_that_leaves_nothing(files, monkeypatch):
    incoming = files.receive(JOB)
    await incoming.write(b"a")

    def full(_handle, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageFull):
        await incoming.keep()
    assert not list(files.incoming.iterdir())


def test_too_little_free_space_refuses_before_the_first_byte(tmp_path):
    store = Files(tmp_path, min_free_bytes=1 << 62)
    store.prepare()
    with pytest.raises(StorageFull):
        store.receive(JOB)


def test_a_start_removes_what_was_half_received(files):
    (files.incoming / "rest").write_bytes(b"x")
    files.prepare()
    assert not list(files.incoming.iterdir())


async def test_the_sweep_removes_old_files_that_no_job_knows(files):
    for job_id, age in ((JOB, 7200), ("cd" + JOB, 7200), ("ef" + JOB, 10)):
        incoming = files.receive(job_id)
        await incoming.write(b"x")
        await incoming.keep()
        moment = files.path(job_id).stat().st_mtime - age
        os.utime(files.path(job_id), (moment, moment))
    assert await files.sweep({JOB}) == 1
    assert files.path(JOB).exists() and files.path("ef" + JOB).exists()
    assert not files.path("cd" + JOB).exists()
