import pytest

from core.clock import Clock
from store.database import Database
from store.jobs import Jobs


class Ticking:
    """Wall and monotonic time that tests move by hand."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


@pytest.fixture
def clock(ticking) -> Clock:
    return Clock(now=ticking, monotonic=ticking)


@pytest.fixture
async def database(tmp_path):
    opened = Database(tmp_path / "myelin.db")
    await opened.start()
    yield opened
    await opened.close()


@pytest.fixture
def jobs(database, clock) -> Jobs:
    return Jobs(database, clock, retention_seconds=3600)


@pytest.fixture
def values():
    """Columns of a job as the upload route gives them."""

    def make(number: int = 1, **changes):
        plain = {
            "id": f"{number:032x}",
            "owner": "operator",
            "priority": 1,
            "filename": "nota.pdf",
            "bytes": 10,
            "sha256": "0" * 64,
            "prompt": "Qual o CNPJ?",
            "format_response": '{"cnpj": ""}',
            "ai_provider": "builtin",
            "model": "auto",
        }
        return plain | changes

    return make
