import asyncio

import pytest

from api.credentials import Credentials
from api.policy import Role
from core.errors import ExpiredKey, InvalidKey
from core.secrets import digest
from gateway.grants import Grant
from tests.unit.api.clients import key_row

KEY, FORMER, PEPPER = "pbpm-client-key-1234567890", "pbpm-former-key-1234567890", b"pepper"


async def knowing(*rows, now=lambda: 100.0):
    credentials = Credentials("operator-key", "master-key", PEPPER, lambda: asyncio.sleep(0, rows), now)
    await credentials.reload()
    return lambda key: credentials.identify([(b"key", key.encode())]), credentials


async def test_a_look_that_began_before_a_revocation_does_not_bring_the_key_back():
    stored, slow = [key_row(digest(KEY, PEPPER))], asyncio.Event()

    async def load():
        found = list(stored)
        if found:
            await slow.wait()
        return found

    credentials = Credentials("operator-key", "master-key", PEPPER, load)
    older = asyncio.ensure_future(credentials.reload())
    await asyncio.sleep(0)
    stored.clear()
    newer = asyncio.ensure_future(credentials.reload())
    for _ in range(5):
        await asyncio.sleep(0)
    slow.set()
    await asyncio.gather(older, newer)
    with pytest.raises(InvalidKey):
        credentials.identify([(b"key", KEY.encode())])


async def test_a_key_that_was_good_before_is_dead_once_it_is_revoked():
    stored = [key_row(digest(KEY, PEPPER))]
    credentials = Credentials("operator-key", "master-key", PEPPER, lambda: asyncio.sleep(0, stored))
    await credentials.reload()
    for _ in range(2):
        assert credentials.identify([(b"authorization", b"Bearer " + KEY.encode())]).role is Role.CLIENT
    stored.clear()
    await credentials.reload()
    with pytest.raises(InvalidKey):
        credentials.identify([(b"key", KEY.encode())])


async def test_neither_keys_nor_wrong_ones_are_remembered():
    identify, credentials = await knowing(key_row(digest(KEY, PEPPER)))
    identify(KEY)
    with pytest.raises(InvalidKey):
        identify("pbpm-nobody-has-this-key")
    assert len(credentials._marks) == 1 and KEY.encode() not in credentials._marks


async def test_a_caller_carries_what_its_key_may_do():
    limits = {"models": '["gpt-*"]', "rpm": 5, "budget_usd": 1.5, "budget_period": "day", "expires_at": 200.0}
    identify, _ = await knowing(key_row(digest(KEY, PEPPER), "id", **limits))
    granted = Grant("id", "ana", models=("gpt-*",), rpm=5, budget_usd=1.5, budget_period="day", expires_at=200.0)
    assert identify(KEY).grant == granted
    assert identify("operator-key").grant == Grant("operator", "operator")


async def test_a_key_ends_with_its_time():
    identify, _ = await knowing(key_row(digest(KEY, PEPPER), expires_at=100.0))
    with pytest.raises(ExpiredKey):
        identify(KEY)


@pytest.mark.parametrize(("until", "good"), [(100.1, True), (100.0, False), (99.0, False)])
async def test_the_key_before_the_last_rotation_is_good_for_its_overlap(until, good):
    row = key_row(digest(KEY, PEPPER), former_digest=digest(FORMER, PEPPER), former_until=until)
    identify, _ = await knowing(row)
    assert identify(KEY).role is Role.CLIENT
    if good:
        assert identify(FORMER) == identify(KEY)
    else:
        with pytest.raises(InvalidKey):
            identify(FORMER)


async def test_a_key_that_is_no_more_has_no_money_left_and_the_operator_is_not_limited():
    _, credentials = await knowing(key_row(digest(KEY, PEPPER), "id", rpm=1))
    assert credentials.grant("id").rpm == 1
    assert credentials.grant("revoked").budget_usd == 0
    assert credentials.grant("operator").budget_usd is None
