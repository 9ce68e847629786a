import pytest

from core import logs


@pytest.fixture(autouse=True, scope="session")
def plain_logs():
    logs.configure("warning", [])
