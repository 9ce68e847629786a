"""Whatever befalls it, the swapper does no harm, everybody gets an end, and every model can be had again."""

import pytest

from core import logs
from tests.fakes.storms import Storm
from tests.fakes.virtual_time import run


@pytest.fixture(autouse=True)
def quiet_logs():
    logs.configure("critical", [])
    yield
    logs.configure("warning", [])


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_nothing_is_broken_in_a_storm(first):
    """`python -m bench.swapper` plays 10 000 of them."""
    broken = {seed: found for seed in range(first, first + 20) if (found := run(Storm(seed).weather()))}
    assert not broken
