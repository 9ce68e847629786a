import errno
import hashlib
import os

import pytest

from core.errors import InvalidField, StorageFull, WrongDigest
from fleet.operations import spool as subject
from fleet.operations.spool import Spool

CONTENT = os.urandom(3 << 20)
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


async def opened(tmp_path, **options):
    spool = Spool(tmp_path / "spool", **{"free": lambda _: 1 << 40} | options)
    await spool.prepare()
    return spool


async def test_a_file_arrives_in_parts_over_a_restart_and_is_checked(tmp_path):
    spool = await opened(tmp_path)
    part = await spool.open(DIGEST, len(CONTENT))
    part.write(CONTENT[: 1 << 20])
    part.close()
    part = await (await opened(tmp_path)).open(DIGEST, len(CONTENT))
    assert part.size == 1 << 20 and not spool.has(DIGEST)
    part.write(CONTENT[1 << 20 :])
    part.seal()
    assert spool.has(DIGEST) and spool.size(DIGEST) == len(CONTENT)
    assert b"".join([piece async for piece in spool.pieces(DIGEST)]) == CONTENT
    assert (tmp_path / "spool" / DIGEST[7:]).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


async def test_a_wrong_file_is_gone(tmp_path):
    spool = await opened(tmp_path)
    part = await spool.open(DIGEST, len(CONTENT))
    part.write(b"?" + CONTENT[1:])
    with pytest.raises(WrongDigest):
        part.seal()
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize("name", ["sha256:../../x", "sha256:" + "A" * 64, "x", "sha256:" + "a" * 63, "sha256:" + "a" * 64 + "\n"])
async def test_what_is_no_digest_is_no_path(tmp_path, name):
    spool = await opened(tmp_path)
    for call in (spool.path, spool.has, spool.size):
        with pytest.raises(InvalidField):
            call(name)
    with pytest.raises(InvalidField):
        await spool.open(name, 1)


async def test_what_does_not_fit_is_refused_before_it_comes(tmp_path):
    spool = await opened(tmp_path, free=lambda _: 10_000, spare=4_000)
    with pytest.raises(StorageFull):
        await spool.open(DIGEST, 6_001)
    part = await spool.open(DIGEST, 6_000)
    other = "sha256:" + "a" * 64
    with pytest.raises(StorageFull):  # the room is promised to the first one
        await spool.open(other, 1)
    part.close()
    spool.settle(DIGEST)
    (await spool.open(other, 1)).close()


async def test_bytes_that_are_there_already_need_no_room(tmp_path):
    spool = await opened(tmp_path)
    part = await spool.open(DIGEST, len(CONTENT))
    part.write(CONTENT[:-10])
    part.close()
    spool = await opened(tmp_path, free=lambda _: 10)
    assert (await spool.open(DIGEST, len(CONTENT))).size == len(CONTENT) - 10


async def test_all_files_together_are_bounded(tmp_path):
    spool = await opened(tmp_path, most=len(CONTENT) + 5)
    part = await spool.open(DIGEST, len(CONTENT))
    part.write(CONTENT)
    part.seal()
    spool.settle(DIGEST)
    with pytest.raises(StorageFull):
        await spool.open("sha256:" + "a" * 64, 6)
    (await spool.open("sha256:" + "a" * 64, 5)).close()


async def test_a_disk_that_fills_meanwhile_gives_back_what_was_taken(tmp_path, monkeypatch):
    part = await (await opened(tmp_path)).open(DIGEST, len(CONTENT))
    part.write(CONTENT[:100])

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(subject.os, "write", full)
    with pytest.raises(StorageFull) as error:
        part.write(CONTENT[100:])
    assert "/" not in error.value.detail and list((tmp_path / "spool").iterdir()) == []


async def test_a_part_that_is_longer_than_the_file_begins_again(tmp_path):
    spool = await opened(tmp_path)
    part = await spool.open(DIGEST, 100)
    part.write(CONTENT[:100])
    part.close()
    assert (await spool.open(DIGEST, 50)).size == 0


async def test_a_file_goes_when_its_last_user_is_done_and_stays_when_the_work_broke(tmp_path):
    spool = await opened(tmp_path)
    part = await spool.open(DIGEST, len(CONTENT))
    part.write(CONTENT)
    part.seal()
    async with spool.used(DIGEST):
        async with spool.used(DIGEST):
            pass
        assert spool.has(DIGEST)
        with pytest.raises(ZeroDivisionError):
            async with spool.used(DIGEST):
                _ = 1 / 0
        assert spool.has(DIGEST)
    assert not spool.has(DIGEST)


async def test_texts_are_bounded(tmp_path):
    spool = await opened(tmp_path)
    part = await spool.open(DIGEST, len(CONTENT))
    part.write(CONTENT)
    part.seal()
    assert spool.read(DIGEST, len(CONTENT)) == CONTENT
    with pytest.raises(InvalidField):
        spool.read(DIGEST, 100)
