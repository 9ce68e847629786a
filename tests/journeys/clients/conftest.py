import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.fakes.server import FakeServer
from tests.journeys.clients.hosts import HOSTS, Host, made
from tests.journeys.conftest import in_a_thread
from tests.journeys.server import Server, running


@dataclass(frozen=True)
class Street:
    """The server, and the fakes behind it by the names of their providers."""

    server: Server
    fakes: dict[str, FakeServer]


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with ExitStack() as stack:
        fakes = {host.name: stack.enter_context(in_a_thread(made(host))) for host in HOSTS}
        settings = {name: value for host in HOSTS for name, value in host.settings(fakes[host.name].url).items()}
        folder = tmp_path_factory.mktemp("street") / "data"
        server = stack.enter_context(running(folder, **settings))
        _all_listed(server)
        yield Street(server, fakes)


def _all_listed(server: Server) -> None:
    """A server is ready before all of its providers have told what they have."""
    deadline = time.monotonic() + 20
    with server.client() as client:
        while not {host.name for host in HOSTS} <= {one["provider"] for one in client.get("/api/models").json()["models"]}:
            assert time.monotonic() < deadline


@pytest.fixture
def server(street: Street) -> Server:
    return street.server


@pytest.fixture(params=HOSTS, ids=lambda host: host.name)
def host(request: pytest.FixtureRequest) -> Host:
    return request.param


@pytest.fixture(params=[host for host in HOSTS if host.embeds], ids=lambda host: host.name)
def embedder(request: pytest.FixtureRequest) -> Host:
    return request.param


@pytest.fixture
def fake(street: Street, host: Host) -> Iterator[FakeServer]:
    fake = street.fakes[host.name]
    fake.requests.clear()
    yield fake
    fake.answers.clear()
    fake.heal()
