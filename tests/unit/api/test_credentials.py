import asyncio

import pytest

from api.credentials import Credentials
from core.errors import InvalidKey
from core.secrets import digest


async def test_a_look_that_began_before_a_revocation_does_not_bring_the_key_back():
    key, pepper = "pbpm-client-key-1234567890", b"pepper"
    stored, slow = {digest(key, pepper): "id"}, asyncio.Event()

    async def load():
        found = dict(stored)
        if found:
            await slow.wait()
        return found

    credentials = Credentials("operator-key", "master-key", pepper, load)
    older = asyncio.ensure_future(credentials.reload())
    await asyncio.sleep(0)
    stored.clear()
    newer = asyncio.ensure_future(credentials.reload())
    for _ in range(5):
        await asyncio.sleep(0)
    slow.set()
    await asyncio.gather(older, newer)
    with pytest.raises(InvalidKey):
        credentials.identify([(b"key", key.encode())])
