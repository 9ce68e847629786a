"""The fake Ollama over HTTP, in virtual time: what a client sees of its scheduler."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.fakes.ollama import BUSY, OUT_OF_MEMORY, FakeOllama
from tests.fakes.ollama_cards import Environment
from tests.fakes.ollama_models import GIB, FakeModel, Shape
from tests.fakes.timeline import Paced, Virtual

HI = [{"role": "user", "content": "hi"}]
A, B = (FakeModel(f"{name}:latest", 10 * GIB, "12B", "gemma3") for name in "ab")
LOAD = A.size / 2e9


@pytest.fixture
async def time() -> Virtual:
    return Virtual()


@pytest.fixture
async def ollama(time: Virtual) -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as server:
        server.machine.timeline = time
        server.machine.installed |= {model.name: model for model in (A, B)}
        server.machine.scheduler.cards.bandwidth = 2e9
        yield server


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Client:
    """Its calls run as tasks, so that the test can move the time meanwhile."""

    def __init__(self, http: aiohttp.ClientSession, ollama: FakeOllama):
        self._http, self._ollama = http, ollama

    async def begin(self, path: str, **body: Any) -> "asyncio.Task[tuple[int, str]]":
        """A request that the server has in its hands."""
        known = len(self._ollama.requests)
        task = asyncio.create_task(self.post(path, **body))
        await until(lambda: len(self._ollama.requests) > known)
        return task

    async def post(self, path: str, **body: Any) -> tuple[int, str]:
        async with self._http.post(self._ollama.url + path, json=body) as response:
            return response.status, await response.text()

    async def listed(self) -> list[dict[str, Any]]:
        async with self._http.get(f"{self._ollama.url}/api/ps") as response:
            return (await response.json())["models"]

    async def names(self) -> list[str]:
        return [row["name"] for row in await self.listed()]


@pytest.fixture
async def client(http: aiohttp.ClientSession, ollama: FakeOllama) -> Client:
    return Client(http, ollama)


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


def waiting(ollama: FakeOllama, count: int) -> Any:
    return lambda: ollama.machine.scheduler.waiting == count


async def test_a_load_takes_the_time_of_its_size_and_is_seen_when_it_is_done(
    client: Client, ollama: FakeOllama, time: Virtual
) -> None:
    loading = await client.begin("/api/generate", model="a", keep_alive=-1)
    await until(waiting(ollama, 1))
    await time.advance(LOAD - 0.1)
    assert await client.names() == [] and not loading.done()
    await time.advance(0.1)
    assert json.loads((await loading)[1])["done_reason"] == "load"
    (row,) = await client.listed()
    assert row["expires_at"].startswith("2318") and row["size_vram"] == row["size"] == ollama.machine.runners["a:latest"].size


async def test_a_client_that_hangs_up_takes_its_load_with_it(client: Client, ollama: FakeOllama, time: Virtual) -> None:
    loading = await client.begin("/api/generate", model="a")
    await until(waiting(ollama, 1))
    loading.cancel()
    await until(waiting(ollama, 0))
    await time.advance(60)
    assert await client.names() == [] and ollama.machine.loads == []


async def test_an_unload_is_answered_at_once_and_happens_when_the_answer_is_complete(
    client: Client, ollama: FakeOllama, time: Virtual
) -> None:
    ollama.machine.load(A, {})
    ollama.token_seconds = 1.0
    chat = await client.begin("/api/chat", model="a", messages=HI)
    await until(lambda: ollama.machine.runners["a:latest"].refs)
    _, said = await client.post("/api/generate", model="a", keep_alive=0)
    assert json.loads(said)["done_reason"] == "unload" and await client.names() == ["a:latest"]
    while not chat.done():
        await time.advance(1.0)
    assert json.loads((await chat)[1].splitlines()[-1])["done"]
    await until(lambda: not ollama.machine.runners)
    assert await client.names() == []


async def test_the_list_stalls_behind_the_probe_of_an_unload(client: Client, ollama: FakeOllama, time: Virtual) -> None:
    ollama.machine.scheduler.cards.probe = 3.0
    ollama.machine.load(A, {})
    await client.post("/api/generate", model="a", keep_alive=0)
    question = asyncio.create_task(client.names())
    await until(lambda: ollama.requests[-1].path == "/api/ps")
    await time.advance(2.9)
    assert not question.done()
    await time.advance(0.2)
    assert await question == []


async def test_a_runner_that_dies_ends_the_stream_without_a_last_line_and_stays_listed(
    client: Client, ollama: FakeOllama, time: Virtual
) -> None:
    ollama.machine.load(A, {})
    ollama.token_seconds = 1.0
    ollama.answers = ["word " * 50]
    chat = await client.begin("/api/chat", model="a", messages=HI)
    await until(lambda: ollama.machine.runners["a:latest"].refs)
    await time.advance(5.5)
    ollama.machine.crash("a:latest")
    status, said = await chat
    lines = [json.loads(line) for line in said.splitlines()]
    assert status == 200 and len(lines) == 5 and not any(line["done"] for line in lines)
    assert await client.names() == ["a:latest"]


async def test_out_of_memory_while_it_answers_is_an_error_inside_the_stream(
    client: Client, ollama: FakeOllama, time: Virtual
) -> None:
    ollama.machine.load(A, {})
    ollama.token_seconds = 1.0
    chat = await client.begin("/api/chat", model="a", messages=HI)
    await until(lambda: ollama.machine.runners["a:latest"].refs)
    ollama.machine.run_out("a:latest")
    assert await chat == (200, json.dumps({"error": OUT_OF_MEMORY}) + "\n")
    assert await client.names() == []


async def test_a_model_larger_than_the_card_spills_or_fails(client: Client, ollama: FakeOllama, time: Virtual) -> None:
    ollama.machine.installed["huge:latest"] = FakeModel("huge:latest", 30 * GIB, "70B")
    for options, status in (({}, 200), ({"num_gpu": 999}, 500)):
        chat = await client.begin("/api/chat", model="huge", messages=HI, stream=False, options=options)
        while not chat.done():
            await time.advance(1)
        assert (await chat)[0] == status
        if status == 200:
            (row,) = await client.listed()
            assert 0 < row["size_vram"] < row["size"]
    assert json.loads((await chat)[1]) == {"error": OUT_OF_MEMORY} and await client.names() == []


async def test_a_full_line_is_a_503(client: Client, ollama: FakeOllama) -> None:
    ollama.machine.scheduler.environment = Environment(max_queue=1)
    begun = []
    for number in range(2):
        begun.append(await client.begin("/api/generate", model="a"))
        await until(waiting(ollama, number + 1))
    status, said = await client.post("/api/generate", model="b")
    assert status == 503 and json.loads(said) == {"error": BUSY}
    for task in begun:
        task.cancel()


async def test_a_restart_cuts_every_connection_and_empties_the_memory(client: Client, ollama: FakeOllama, time: Virtual) -> None:
    ollama.machine.load(A, {})
    ollama.token_seconds = 1.0
    ollama.machine.partial["sha256:1"] = 5
    answering = await client.begin("/api/chat", model="a", messages=HI)
    await until(lambda: ollama.machine.runners["a:latest"].refs)
    loading = await client.begin("/api/generate", model="b")
    await until(waiting(ollama, 1))
    ollama.machine.restart(prune=True)
    for task in (answering, loading):
        with pytest.raises(aiohttp.ClientError):
            await task
    assert await client.names() == [] and ollama.machine.partial == {}


@pytest.mark.parametrize(("keep_alive", "status"), [("-1", 400), ("300", 400), ("10m", 200), (-1, 200), ("-1m", 200), (0.5, 200)])
async def test_how_long_a_model_stays(client: Client, ollama: FakeOllama, keep_alive: Any, status: int) -> None:
    ollama.machine.load(A, {})
    found, said = await client.post("/api/generate", model="a", keep_alive=keep_alive)
    assert found == status and ("time: missing unit in duration" in said) is (status == 400)


async def test_what_show_tells_for_a_prediction(client: Client, ollama: FakeOllama) -> None:
    heads = (4, 1) * 5
    seeing = FakeModel("v:1", GIB, "1B", "gemma3", shape=Shape(layers=10, kv_heads=heads, window=1024), projector=GIB // 2)
    ollama.machine.installed["v:1"] = seeing
    ollama.machine.copy("v:1", "alias")
    brief, whole, alias = [
        json.loads((await client.post("/api/show", model=name, **more))[1])
        for name, more in (("v:1", {}), ("v:1", {"verbose": True}), ("alias", {}))
    ]
    assert brief["model_info"]["gemma3.attention.head_count_kv"] == [] and brief["projector_info"]
    assert whole["model_info"]["gemma3.attention.head_count_kv"] == list(heads)
    assert alias["modelfile"] == brief["modelfile"] and seeing.blob.replace(":", "-") in brief["modelfile"]


async def test_an_alias_is_listed_by_the_name_that_came_first(client: Client, ollama: FakeOllama) -> None:
    ollama.machine.load(A, {})
    ollama.machine.copy("a", "other")
    await client.post("/api/generate", model="other", keep_alive=-1)
    assert await client.names() == ["a:latest"] and len(ollama.machine.loads) == 1


async def test_time_can_run_faster_than_the_clock(client: Client, ollama: FakeOllama) -> None:
    """For a server in a process of its own, whose time nobody can move."""
    ollama.machine.timeline = Paced(speed=1000)
    begun = ollama.machine.timeline.now()
    await client.post("/api/generate", model="a")
    await ollama.machine.timeline.sleep(1)
    assert ollama.machine.timeline.now() - begun >= LOAD + 1 and await client.names() == ["a:latest"]
