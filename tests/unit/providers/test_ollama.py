"""What is special about Ollama: contexts, reloads, silent truncation, leases, compute modes, downloads."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from core.errors import DocumentTooLong, ModelNotInstalled, ModelTooLarge, ProviderError, ProviderRefused, ProviderTimeout
from providers.ollama import NUM_GPU, Ollama, Patience
from providers.types import ChatRequest, Message
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_models import FakeModel


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as server:
        yield server


@pytest.fixture
async def ollama(fake: FakeOllama) -> AsyncIterator[Ollama]:
    made = Ollama(base_url=fake.url + "/", always_on=["qwen3:0.6b", "nomic-embed-text"])
    yield made
    await made.close()


SCHEMA = {"type": "object", "properties": {"cpf": {"type": "string"}}}


def ask(model: str = "gemma3:1b", text: str = "oi", **changes: object) -> ChatRequest:
    return ChatRequest(model, (Message.of("user", text),), **changes)


def options(fake: FakeOllama) -> list[dict[str, object]]:
    return [body["options"] for body in fake.bodies("/api/chat")]


async def test_the_context_fits_the_document(ollama: Ollama, fake: FakeOllama) -> None:
    for size in (100, 20_000, 60_000):
        await ollama.chat(ask(text="x" * size, max_tokens=500))
    assert [sent["num_ctx"] for sent in options(fake)] == [4096, 16384, 32768]
    assert all(body["truncate"] is False and body["shift"] is False for body in fake.bodies("/api/chat"))


async def test_a_larger_context_in_memory_is_kept(ollama: Ollama, fake: FakeOllama) -> None:
    for size in (20_000, 100, 20_000, 5_000):
        await ollama.chat(ask(text="x" * size, max_tokens=500))
    assert [sent["num_ctx"] for sent in options(fake)] == [16384] * 4
    assert len(fake.machine.loads) == 1


async def test_a_slow_list_of_what_is_in_memory_is_not_a_dead_server(
    ollama: Ollama, fake: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stalls() -> list[object]:
        raise ProviderTimeout("Ollama did not begin to answer in time.")

    monkeypatch.setattr(ollama._models, "resident", stalls)
    await ollama.chat(ask())
    assert {info.resident for info in await ollama.list_models()} == {None}


async def test_the_context_is_never_above_that_of_the_model(ollama: Ollama, fake: FakeOllama) -> None:
    fake.characters_per_token = 5
    await ollama.chat(ask(text="x" * 90_000, max_tokens=500))
    assert options(fake)[0]["num_ctx"] == 32768


async def test_a_document_that_cannot_fit_is_not_even_sent(ollama: Ollama, fake: FakeOllama) -> None:
    with pytest.raises(DocumentTooLong) as caught:
        await ollama.chat(ask(text="palavra " * 40_000))
    assert "gemma3:1b" in caught.value.detail and not fake.bodies("/api/chat")


async def test_a_document_that_ollama_refuses_is_too_long(ollama: Ollama, fake: FakeOllama) -> None:
    fake.characters_per_token = 1
    with pytest.raises(DocumentTooLong):
        await ollama.chat(ask(text="x" * 60_000))
    assert len(fake.bodies("/api/chat")) == 1


async def test_a_dense_document_is_asked_again_with_the_context_that_it_needs(ollama: Ollama, fake: FakeOllama) -> None:
    fake.characters_per_token = 1
    reply = await ollama.chat(ask(text="7" * 12_000, max_tokens=500))
    assert [sent["num_ctx"] for sent in options(fake)] == [8192, 16384]
    assert reply.finish_reason == "stop"


async def test_a_prompt_cut_in_silence_is_asked_again_with_room_for_it(ollama: Ollama, fake: FakeOllama) -> None:
    fake.honours_truncate = False
    fake.characters_per_token = 1
    reply = await ollama.chat(ask(text="7" * 12_000, max_tokens=500))
    assert [sent["num_ctx"] for sent in options(fake)] == [8192, 16384]
    assert reply.usage.input_tokens == 12_004


async def test_a_prompt_cut_in_silence_that_cannot_fit_is_too_long(ollama: Ollama, fake: FakeOllama) -> None:
    fake.honours_truncate = False
    fake.characters_per_token = 1
    with pytest.raises(DocumentTooLong):
        await ollama.chat(ask(text="7" * 60_000, max_tokens=500))
    assert options(fake)[-1]["num_ctx"] == 32768


async def test_a_server_that_ignores_the_context_is_found_out(ollama: Ollama, fake: FakeOllama) -> None:
    fake.honours_truncate = fake.machine.scheduler.reloads = False
    fake.machine.load(fake.machine.installed["gemma3:1b"], {"num_ctx": 4096})
    with pytest.raises(DocumentTooLong):
        await ollama.chat(ask(text="x" * 40_000))


async def test_tokens_from_the_cache_of_an_old_server_are_no_cut(ollama: Ollama, fake: FakeOllama) -> None:
    fake.characters_per_token = 400
    reply = await ollama.chat(ask(text="x" * 40_000))
    assert reply.usage.input_tokens < 200 and reply.finish_reason == "stop"


async def test_thinking_is_off_only_where_it_exists(ollama: Ollama, fake: FakeOllama) -> None:
    fake.machine.installed["gpt-oss:20b"] = FakeModel(
        "gpt-oss:20b", 10**9, "20B", "gptoss", capabilities=("completion", "thinking")
    )
    for model in ("gemma3:1b", "qwen3:0.6b", "gpt-oss:20b"):
        await ollama.chat(ask(model, schema=SCHEMA))
    assert [body.get("think") for body in fake.bodies("/api/chat")] == [None, False, "low"]


async def test_thoughts_are_kept_apart_from_the_answer(ollama: Ollama, fake: FakeOllama) -> None:
    reply = await ollama.chat(ask("qwen3:0.6b", options={"think": True}))
    assert reply.thinking == fake.thoughts and fake.thoughts not in reply.text


async def test_always_on_models_stay_and_others_have_a_lease(ollama: Ollama, fake: FakeOllama) -> None:
    for model in ("gemma3:1b", "qwen3:0.6b"):
        await ollama.chat(ask(model))
    await ollama.embed("nomic-embed-text:latest", ["x"])
    assert [body["keep_alive"] for body in fake.bodies("/api/chat")] == [900, -1]
    assert fake.bodies("/api/embed")[0]["keep_alive"] == -1


@pytest.mark.parametrize(("mode", "sent"), [("cpu", 0), ("gpu", 999), ("auto", None)])
async def test_the_compute_mode_goes_with_every_request(fake: FakeOllama, mode: str, sent: int | None) -> None:
    ollama = Ollama(base_url=fake.url, mode=lambda: mode)
    await ollama.chat(ask())
    await ollama.embed("nomic-embed-text", ["x"])
    await ollama.close()
    assert options(fake)[0].get("num_gpu") == sent
    assert fake.bodies("/api/embed")[0].get("options", {}).get("num_gpu") == sent
    assert [runner.on_gpu for runner in fake.machine.resident()] == [mode != "cpu"] * 2


async def test_the_version_of_a_model_is_its_digest(ollama: Ollama, fake: FakeOllama) -> None:
    reply = await ollama.chat(ask())
    assert reply.model_version == f"sha256:{fake.machine.installed['gemma3:1b'].digest}"


async def test_facts_are_asked_for_once(ollama: Ollama, fake: FakeOllama) -> None:
    for _ in range(3):
        await ollama.chat(ask())
    paths = [received.path for received in fake.requests]
    assert (paths.count("/api/tags"), paths.count("/api/show"), paths.count("/api/ps")) == (1, 1, 2), (
        "what is in memory is believed for a second"
    )


async def test_connections_serve_again(ollama: Ollama, fake: FakeOllama) -> None:
    fake.token_seconds = 0.002
    for _ in range(5):
        await ollama.chat(ask())
    assert len({received.peer for received in fake.requests}) == 1


async def test_a_server_that_hangs_after_the_end_does_not_hold_up_the_answer(ollama: Ollama, fake: FakeOllama) -> None:
    fake.fail("hang_at_the_end")
    async with asyncio.timeout(10):
        assert (await ollama.chat(ask())).finish_reason == "stop"


async def test_a_model_pulled_by_someone_else_is_found(ollama: Ollama, fake: FakeOllama) -> None:
    await ollama.chat(ask())
    fake.machine.installed["tinyllama:latest"] = fake.machine.library["tinyllama:latest"]
    assert (await ollama.chat(ask("tinyllama"))).finish_reason == "stop"


async def test_the_list_has_every_fact(ollama: Ollama, fake: FakeOllama) -> None:
    fake.machine.installed["far:cloud"] = FakeModel("far:cloud", 400, "480B", remote_host="https://ollama.com:443")
    await ollama.chat(ask())
    listed = {info.name: info for info in await ollama.list_models()}
    gemma = listed["gemma3:1b"]
    assert (gemma.size, gemma.family, gemma.parameters, gemma.quantization) == (815_319_791, "gemma3", "999.89M", "Q4_K_M")
    assert (gemma.context, gemma.capabilities, gemma.resident) == (32768, ("completion",), True)
    assert gemma.size_vram == fake.machine.runners["gemma3:1b"].size
    assert listed["llama3.2:3b"].resident is False and listed["nomic-embed-text:latest"].capabilities == ("embedding",)
    assert "remote" in listed["far:cloud"].capabilities


async def test_one_broken_model_does_not_hide_the_others(ollama: Ollama, fake: FakeOllama) -> None:
    fake.machine.broken.add("llama3.2:3b")
    listed = {info.name: info.context for info in await ollama.list_models()}
    assert listed["llama3.2:3b"] is None and listed["gemma3:1b"] == 32768


async def test_load_puts_a_model_into_memory_and_unload_waits_until_it_is_gone(ollama: Ollama, fake: FakeOllama) -> None:
    await ollama.load("gemma3:1b", num_gpu=NUM_GPU["cpu"])
    await ollama.load("nomic-embed-text", num_gpu=None)
    found = {one.name: one for one in await ollama.resident()}
    assert found["gemma3:1b"].size_vram == 0 and found["gemma3:1b"].context == 8192
    assert found["nomic-embed-text:latest"].size_vram == found["nomic-embed-text:latest"].size
    await ollama.unload("gemma3:1b")
    assert [one.name for one in await ollama.resident()] == ["nomic-embed-text:latest"]
    assert fake.bodies("/api/generate")[-1] == {"model": "gemma3:1b", "keep_alive": 0}


@pytest.mark.parametrize("context", [2048, 32768])
async def test_a_model_is_loaded_once_whoever_asks_it(ollama: Ollama, fake: FakeOllama, context: int) -> None:
    """Also clients with options of their own. Vectors of a model with a small context are left out: they cannot say `shift`."""
    able = ("completion", "embedding")
    fake.machine.installed["both:1b"] = FakeModel("both:1b", 10**9, "1B", context=context, capabilities=able)
    theirs = {"model": "both:1b", "keep_alive": "24h", "options": {"num_ctx": 1024, "num_gpu": 3, "num_batch": 64}}
    asked = [
        ("/api/chat", {"messages": [{"role": "user", "content": "oi"}], "options": {"num_predict": 9, "num_ctx": 512}}),
        ("/api/generate", {"prompt": "oi", "shift": True}),
        ("/api/generate", {}),
    ]
    if context >= 8192:
        asked += [("/api/embed", {"input": ["oi", "x" * 500]}), ("/api/embeddings", {"prompt": "oi"})]
        await ollama.embed("both:1b", ["oi"])
        await ollama.chat(ask("both:1b", max_tokens=100))
    await ollama.load("both:1b", num_gpu=None)
    await ollama.chat(ask("both:1b", max_tokens=100))
    for path, body in asked:
        async with ollama.forward(path, json.dumps(theirs | body).encode(), stream=False) as response:
            await response.read()
    assert len(fake.machine.loads) == 1 and fake.machine.runners["both:1b"].lease == 900


async def test_texts_to_embed_get_the_context_that_the_longest_needs(ollama: Ollama, fake: FakeOllama) -> None:
    able = ("completion", "embedding")
    fake.machine.installed["both:1b"] = FakeModel("both:1b", 10**9, "1B", capabilities=able)
    await ollama.embed("both:1b", ["x" * 1000] * 40)
    await ollama.embed("both:1b", ["x" * 40_000])
    body = {"model": "both:1b", "input": ["x" * 60_000, "oi"]}
    async with ollama.forward("/api/embed", json.dumps(body).encode(), stream=False) as response:
        await response.read()
    assert [load["num_ctx"] for _, load in fake.machine.loads] == [8192, 32768]


async def test_an_unload_that_does_not_happen_has_an_end(
    ollama: Ollama, fake: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ollama.load("gemma3:1b", num_gpu=None)
    stuck = fake.machine.resident()
    monkeypatch.setattr(fake.machine, "resident", lambda: stuck)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    with pytest.raises(ProviderTimeout, match="did not leave"):
        await ollama.unload("gemma3:1b", seconds=5, sleep=sleep)
    assert 5 <= sum(slept) < 7


async def test_a_model_that_others_use_is_asked_again_to_leave(ollama: Ollama, fake: FakeOllama) -> None:
    await ollama.load("gemma3:1b", num_gpu=None)
    fake.token_seconds = 0.01
    fake.answers = ["word " * 20]
    using = asyncio.create_task(ollama.chat(ask("gemma3:1b")))
    while not fake.machine.runners["gemma3:1b"].busy:
        await asyncio.sleep(0)
    slept = 0.0

    async def sleep(seconds: float) -> None:
        """Somebody comes in time to give it another lease."""
        nonlocal slept
        slept += seconds
        if slept == seconds:
            fake.machine.runners["gemma3:1b"].lease = 900
            await using

    await ollama.unload("gemma3:1b", sleep=sleep)
    assert 2 <= slept < 4 and not fake.machine.runners


async def test_loading_an_unknown_model_says_how_to_get_it(ollama: Ollama) -> None:
    with pytest.raises(ModelNotInstalled, match="nope"):
        await ollama.load("nope", num_gpu=None)


async def test_a_download_tells_its_progress_and_the_model_is_there(ollama: Ollama, fake: FakeOllama) -> None:
    await ollama.list_models()
    async with aclosing(ollama.pull("tinyllama")) as progress:
        steps = [step async for step in progress]
    assert (steps[0].status, steps[-1].status) == ("pulling manifest", "success")
    layers = {step.digest: step.total for step in steps if step.digest}
    assert sum(layers.values()) == 637_700_138
    assert all(step.completed <= step.total for step in steps if step.digest)
    assert (await ollama.chat(ask("tinyllama"))).finish_reason == "stop"


async def test_a_broken_download_goes_on_where_it_stopped(ollama: Ollama, fake: FakeOllama) -> None:
    fake.fail("cut", times=1)
    with pytest.raises(ProviderError, match="ended before"):
        [step async for step in ollama.pull("tinyllama")]
    steps = [step async for step in ollama.pull("tinyllama")]
    assert next(step.completed for step in steps if step.digest) > 150_000_000
    assert steps[-1].status == "success"


async def test_a_download_of_nothing_is_refused(ollama: Ollama) -> None:
    with pytest.raises(ProviderRefused, match="no model nope"):
        [step async for step in ollama.pull("nope")]


async def test_models_are_copied_and_deleted(ollama: Ollama) -> None:
    await ollama.copy("gemma3:1b", "mine")
    assert (await ollama.chat(ask("mine"))).finish_reason == "stop"
    await ollama.delete("mine")
    with pytest.raises(ModelNotInstalled):
        await ollama.chat(ask("mine"))
    with pytest.raises(ModelNotInstalled):
        await ollama.delete("mine")


async def test_the_version_loads_nothing(ollama: Ollama, fake: FakeOllama) -> None:
    assert await ollama.version() == "0.33.3" and fake.machine.loads == []


async def test_images_go_as_bare_base64(ollama: Ollama, fake: FakeOllama) -> None:
    fake.machine.installed["seeing:4b"] = FakeModel("seeing:4b", 10**9, "4B", capabilities=("completion", "vision"))
    request = replace(ask("seeing:4b"), messages=(Message.of("user", "?", (b"\x89PNG\r\n",)),))
    await ollama.chat(request)
    assert fake.bodies("/api/chat")[0]["messages"][0]["images"] == ["iVBORw0K"]


def test_patience_grows_with_the_model_and_the_prompt() -> None:
    patience = Patience()
    assert patience.deadlines(None, 0).headers == 150
    assert patience.deadlines(40_000_000_000, 0).headers == 230
    assert patience.deadlines(None, 10_000).headers == 550
    assert patience.deadlines(None, 1_000_000).headers == patience.total


async def test_hostile_lists_are_read_or_refused(fake: FakeOllama, ollama: Ollama, monkeypatch: pytest.MonkeyPatch) -> None:
    strange = {
        "models": [
            None,
            7,
            {},
            {"name": 7},
            {"name": "a", "size": "x", "details": [], "capabilities": [1, "completion"], "digest": 5},
        ]
    }

    async def call(*_: object, **__: object) -> dict[str, object]:
        return json.loads(json.dumps(strange))

    monkeypatch.setattr(ollama._api, "call", call)
    (info,) = await ollama.list_models()
    assert (info.name, info.size, info.digest, info.capabilities) == ("a:latest", None, None, ("completion",))


async def test_the_context_of_a_question_has_its_room_before_anything_is_asked(fake: FakeOllama) -> None:
    asked: list[tuple[str, int]] = []

    async def grows(model: str, num_ctx: int) -> None:
        asked.append((model, num_ctx))
        if num_ctx > 8192:
            raise ModelTooLarge("There is no room for that much context.")

    ollama = Ollama(base_url=fake.url, grows=grows)
    try:
        await ollama.chat(ask(max_tokens=500))
        for path in ("/api/chat", "/api/generate"):
            text = {"messages": [{"role": "user", "content": "x" * 60_000}], "prompt": "x" * 60_000}
            with pytest.raises(ModelTooLarge):
                async with ollama.forward(path, json.dumps({"model": "gemma3:1b", **text}).encode(), stream=False):
                    pass
        with pytest.raises(ModelTooLarge):
            await ollama.chat(ask(text="x" * 60_000))
    finally:
        await ollama.close()
    assert asked == [("gemma3:1b", 4096), *[("gemma3:1b", 32768)] * 3]
    assert len(fake.bodies("/api/chat")) == 1 and not fake.bodies("/api/generate")
