import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.fakes.gemini import FakeGemini
from tests.fakes.ollama import FakeOllama
from tests.journeys.server import Server, running


@contextmanager
def in_a_thread(fake) -> Iterator:
    """Serves a fake from a loop of its own, so that tests may block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(fake.__aenter__(), loop).result(10)
    try:
        yield fake
    finally:
        asyncio.run_coroutine_threadsafe(fake.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="module")
def ollama() -> Iterator[FakeOllama]:
    with in_a_thread(FakeOllama()) as fake:
        yield fake


@pytest.fixture(scope="module")
def gemini() -> Iterator[FakeGemini]:
    with in_a_thread(FakeGemini()) as fake:
        yield fake


@pytest.fixture(scope="module")
def server(tmp_path_factory, ollama, gemini) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server") / "data"
    with running(folder, OLLAMA_URL=ollama.url, GEMINI_BASE_URL=gemini.url, MAX_UPLOAD_MB="2") as started:
        yield started


@pytest.fixture
def client(server):
    with server.client() as opened:
        yield opened
