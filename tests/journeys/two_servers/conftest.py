from collections.abc import Iterator

import pytest

from tests.journeys.two_servers.stage import Stage, opened


@pytest.fixture(autouse=True)
def tidied(stage: Stage) -> Iterator[None]:
    yield
    stage.tidy()


@pytest.fixture(scope="package")
def stage(tmp_path_factory) -> Iterator[Stage]:
    with opened(tmp_path_factory.mktemp("two_servers")) as made:
        yield made
