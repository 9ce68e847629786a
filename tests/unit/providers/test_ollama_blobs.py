"""Files of models in and out of a faithful Ollama."""

import pytest

from core.errors import InvalidField, ProviderError, StorageFull, WrongDigest
from core.http import HttpClient
from providers.ollama import Ollama
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_blobs import digest_of

CONTENT = bytes(range(256)) * 9000


@pytest.fixture
async def pair():
    http = HttpClient()
    async with FakeOllama() as fake:
        yield fake, Ollama(http, base_url=fake.url).blobs
    await http.close()


async def pieces(content):
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]


async def test_a_file_is_there_once_it_was_sent(pair):
    fake, blobs = pair
    assert not await blobs.has(digest_of(CONTENT))
    await blobs.send(digest_of(CONTENT), len(CONTENT), pieces(CONTENT))
    assert await blobs.has(digest_of(CONTENT)) and fake.blobs.kept[digest_of(CONTENT)] == CONTENT


async def test_a_file_that_arrives_otherwise_is_a_wrong_digest(pair):
    fake, blobs = pair
    fake.blobs.spoiled = 1
    with pytest.raises(WrongDigest):
        await blobs.send(digest_of(CONTENT), len(CONTENT), pieces(CONTENT))
    assert not await blobs.has(digest_of(CONTENT))


async def test_a_full_disk_is_one(pair):
    fake, blobs = pair
    fake.blobs.room = 10
    with pytest.raises(StorageFull) as error:
        await blobs.send(digest_of(CONTENT), len(CONTENT), pieces(CONTENT))
    assert "/root" not in error.value.detail


@pytest.mark.parametrize("digest", ["../../api/delete", "sha256:x", "sha256:" + "a" * 64 + "/../.."])
async def test_a_digest_never_leads_elsewhere(pair, digest):
    fake, blobs = pair
    with pytest.raises(InvalidField):
        await blobs.has(digest)
    with pytest.raises(InvalidField):
        await blobs.send(digest, 1, pieces(b"x"))
    assert fake.requests == []


async def test_a_model_is_made_of_files_that_are_there(pair):
    fake, blobs = pair
    await blobs.send(digest_of(CONTENT), len(CONTENT), pieces(CONTENT))
    body = {"model": "casa:1b", "files": {"model-0.gguf": digest_of(CONTENT)}}
    assert [line["status"] async for line in blobs.create(body)][-1] == "success"
    assert "casa:1b" in fake.machine.installed
    for wrong in ({"model": "x:1"}, {"model": "x:1", "files": {"model-0.gguf": digest_of(b"else")}}):
        with pytest.raises(ProviderError):
            _ = [line async for line in blobs.create(wrong)]
    assert "x:1" not in fake.machine.installed
