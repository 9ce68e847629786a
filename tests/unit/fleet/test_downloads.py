"""Downloads against a pull stream that tests turn by hand."""

import asyncio

import pytest

from core.clock import Clock
from core.errors import InvalidField, ModelNotInstalled, NotFound, Overloaded, ProviderUnreachable, StorageFull
from fleet.downloads import Downloads, Pace

MB = 1 << 20
LAYER = {"status": "pulling ab12", "digest": "sha256:ab12", "total": 100 * MB, "completed": 40 * MB}
END = [{"status": "verifying sha256 digest"}, {"status": "writing manifest"}, {"status": "success"}]
WHOLE = [{"status": "pulling manifest"}, LAYER, {**LAYER, "completed": 100 * MB}, *END]


class Ollama:
    """Each pull takes its lines from a queue of its own; None ends the stream, an exception is raised in it."""

    def __init__(self):
        self.pulls, self.closed, self.running, self.most = [], [], 0, 0
        self._queues = {}

    def queue(self, model):
        return self._queues.setdefault(model, asyncio.Queue())

    def feed(self, model, *lines):
        for line in lines:
            self.queue(model).put_nowait(line)

    async def pull(self, model):
        self.pulls.append(model)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            while (line := await self.queue(model).get()) is not None:
                if isinstance(line, BaseException):
                    raise line
                yield line
        finally:
            self.running -= 1
            self.closed.append(model)


class Bench:
    def __init__(self, saved=(), **pace):
        self.ollama, self.table, self.slept, self.time = Ollama(), {record["id"]: record for record in saved}, [], 1000.0
        self.saves, self.full = [], False
        clock = Clock(now=self._now, monotonic=self._now)
        self.downloads = Downloads(
            self.ollama.pull, load=self._load, save=self._save, clock=clock, sleep=self._sleep, pace=Pace(**pace)
        )

    def _now(self):
        self.time += 0.001
        return self.time

    async def _load(self):
        return list(self.table.values())

    async def _save(self, record):
        if self.full:
            raise StorageFull("The disk is full.")
        await asyncio.sleep(0)
        self.saves.append(record["state"])
        self.table[record["id"]] = record

    async def _sleep(self, seconds):
        self.slept.append(seconds)
        await asyncio.sleep(0)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.downloads.close()


async def spin(times=30):
    for _ in range(times):
        await asyncio.sleep(0)


async def ended(bench, record):
    async with asyncio.timeout(5):
        async for seen in bench.downloads.watch(record.id):
            last = seen
    return last


async def test_a_download_from_the_beginning_to_the_end():
    async with Bench() as bench:
        record = await bench.downloads.start("gemma3")
        assert (record.state, record.model) == ("queued", "gemma3:latest")
        bench.ollama.feed("gemma3:latest", *WHOLE, None)
        last = await ended(bench, record)
        assert (last.state, last.completed, last.total, last.attempts) == ("done", 100 * MB, 100 * MB, 1)
        assert last.speed is None and last.finished_at and last.error is None
        assert bench.saves == ["queued", "pulling", "verifying", "done"]
        assert bench.table[record.id] == last.as_json()


async def test_a_server_that_stops_lets_go_of_whoever_watches():
    async with Bench() as bench:
        record = await bench.downloads.start("gemma3:1b")
        watching = bench.downloads.watch(record.id)
        assert (await anext(watching)).state == "queued"
        await spin()
        last = asyncio.create_task(anext(watching))  # it may be waiting already, or not yet
        async with asyncio.timeout(5):
            assert (await last).state == "pulling"
            waiting = asyncio.create_task(anext(watching))
            await spin()
            bench.downloads.let_go()
            assert (await waiting).state == "pulling"
            assert [seen async for seen in watching] == []
            assert [seen.state async for seen in bench.downloads.watch(record.id)] == ["pulling"]


async def test_progress_is_seen_while_it_happens():
    async with Bench() as bench:
        record = await bench.downloads.start("gemma3:1b")
        seen = []

        async def follow():
            async for state in bench.downloads.watch(record.id):
                seen.append((state.state, state.completed))

        follower = asyncio.create_task(follow())
        for line in WHOLE:
            bench.ollama.feed("gemma3:1b", line)
            await spin()
        bench.ollama.feed("gemma3:1b", None)
        async with asyncio.timeout(5):
            await follower
        assert [step for number, step in enumerate(seen) if step[1] and step != seen[number - 1]] == [
            ("pulling", 40 * MB),
            ("pulling", 100 * MB),
            ("verifying", 100 * MB),
            ("done", 100 * MB),
        ]
        assert seen[0][0] == "queued"


async def test_a_slow_reader_gets_the_latest_and_holds_nobody_up():
    async with Bench() as bench:
        record = await bench.downloads.start("gemma3:1b")
        watching = bench.downloads.watch(record.id)
        assert (await anext(watching)).state == "queued"
        bench.ollama.feed("gemma3:1b", *[{**LAYER, "completed": n} for n in range(500)], *END, None)
        await spin(1500)
        assert [state.state async for state in watching] == ["done"]


async def test_whoever_asks_for_the_same_model_joins():
    async with Bench() as bench:
        records = await asyncio.gather(
            *(bench.downloads.start(name) for name in ("gemma3", "gemma3:latest", "gemma3", "gemma3:1b"))
        )
        assert len({record.id for record in records[:3]}) == 1 and records[3].id != records[0].id
        await spin()
        assert sorted(bench.ollama.pulls) == ["gemma3:1b", "gemma3:latest"]
        bench.ollama.feed("gemma3:latest", *WHOLE, None)
        await ended(bench, records[0])
        assert (await bench.downloads.start("gemma3")).id != records[0].id


async def test_two_at_once_and_the_others_in_order():
    async with Bench() as bench:
        records = [await bench.downloads.start(f"m{number}") for number in range(5)]
        await spin()
        assert bench.ollama.pulls == ["m0:latest", "m1:latest"] and bench.downloads.get(records[2].id).state == "queued"
        for number in range(5):
            bench.ollama.feed(f"m{number}:latest", *WHOLE, None)
        for record in records:
            assert (await ended(bench, record)).state == "done"
        assert bench.ollama.most == 2 and bench.ollama.pulls == [f"m{number}:latest" for number in range(5)]


async def test_too_many_waiting_are_refused():
    async with Bench(waiting=3) as bench:
        for number in range(3):
            await bench.downloads.start(f"m{number}")
        with pytest.raises(Overloaded) as raised:
            await bench.downloads.start("m9")
        assert raised.value.retry_after
        assert (await bench.downloads.start("m1")).model == "m1:latest"


@pytest.mark.parametrize("when", ["queued", "pulling"])
async def test_cancelling_closes_the_stream_and_is_final(when):
    async with Bench(parallel=1) as bench:
        first = await bench.downloads.start("first")
        record = first if when == "pulling" else await bench.downloads.start("second")
        bench.ollama.feed("first:latest", LAYER)
        await spin()
        assert bench.downloads.get(record.id).state == when
        assert (await bench.downloads.cancel(record.id)).state == "cancelled"
        assert bench.ollama.closed == (["first:latest"] if when == "pulling" else [])
        assert bench.table[record.id]["state"] == "cancelled"
        assert (await bench.downloads.cancel(record.id)).state == "cancelled"
        assert [state.state async for state in bench.downloads.watch(record.id)] == ["cancelled"]


async def test_cancelling_what_is_done_leaves_it_done():
    async with Bench() as bench:
        record = await bench.downloads.start("gemma3")
        bench.ollama.feed("gemma3:latest", *WHOLE, None)
        await ended(bench, record)
        assert (await bench.downloads.cancel(record.id)).state == "done" and bench.table[record.id]["state"] == "done"


async def test_a_failure_that_may_pass_is_tried_again():
    async with Bench() as bench:
        record = await bench.downloads.start("gemma3")
        bench.ollama.feed("gemma3:latest", LAYER, ProviderUnreachable("Ollama cannot be reached."), *WHOLE, None)
        last = await ended(bench, record)
        assert (last.state, last.attempts, bench.slept) == ("done", 2, [2.0])


async def test_a_failure_that_stays_ends_it_with_its_reason():
    async with Bench() as bench:
        record = await bench.downloads.start("gemma3")
        bench.ollama.feed("gemma3:latest", *[ProviderUnreachable("Ollama cannot be reached.")] * 4)
        last = await ended(bench, record)
        assert (last.state, last.attempts, bench.slept) == ("failed", 4, [2.0, 15.0, 60.0])
        assert last.error["code"] == "provider_unreachable"


async def test_an_unknown_model_is_not_tried_again():
    async with Bench() as bench:
        record = await bench.downloads.start("gemma9")
        bench.ollama.feed("gemma9:latest", ModelNotInstalled("There is no such model."))
        last = await ended(bench, record)
        assert (last.state, last.attempts, last.error["message"]) == ("failed", 1, "There is no such model.")


async def test_a_stream_without_success_is_a_failure():
    async with Bench(again=()) as bench:
        record = await bench.downloads.start("gemma3")
        bench.ollama.feed("gemma3:latest", LAYER, {**LAYER, "completed": 100 * MB}, None)
        last = await ended(bench, record)
        assert last.state == "failed" and "without" in last.error["message"]


async def test_silence_has_an_end():
    async with Bench(again=(), stall=0.01) as bench:
        record = await bench.downloads.start("gemma3")
        last = await ended(bench, record)
        assert last.state == "failed" and last.error["code"] == "provider_timeout" and bench.ollama.closed == ["gemma3:latest"]


async def test_mere_progress_is_saved_now_and_then_only():
    async with Bench(saves=5.0) as bench:
        record = await bench.downloads.start("gemma3")
        for number in range(40):
            bench.ollama.feed("gemma3:latest", {**LAYER, "completed": number})
            bench.time += 1
            await spin()
        assert 6 <= bench.saves.count("pulling") <= 10
        assert bench.downloads.get(record.id).completed == 39


async def test_a_restart_goes_on_with_what_was_unfinished():
    async with Bench() as before:
        done = await before.downloads.start("done")
        before.ollama.feed("done:latest", *WHOLE, None)
        await ended(before, done)
        pulling, waiting = await before.downloads.start("a"), await before.downloads.start("b")
        before.ollama.feed("a:latest", LAYER)
        await spin()
    assert before.ollama.running == 0 and before.table[pulling.id]["state"] == "pulling"
    async with Bench(before.table.values()) as after:
        await after.downloads.resume()
        await spin()
        assert after.ollama.pulls == ["a:latest", "b:latest"]
        assert (await after.downloads.start("a")).id == pulling.id
        after.ollama.feed("a:latest", *WHOLE, None)
        after.ollama.feed("b:latest", *WHOLE, None)
        assert (await ended(after, pulling)).attempts == 2 and (await ended(after, waiting)).state == "done"
        assert [record.id for record in after.downloads.list()] == [waiting.id, pulling.id, done.id]
        assert after.downloads.get(done.id) == before.downloads.get(done.id)


async def test_records_with_unknown_members_are_read():
    async with Bench() as before:
        record = await before.downloads.start("a")
    async with Bench([{**before.table[record.id], "machine": "other"}]) as after:
        await after.downloads.resume()
        assert after.downloads.get(record.id).model == "a:latest"


async def test_a_full_disk_at_the_start_starts_nothing():
    async with Bench() as bench:
        bench.full = True
        with pytest.raises(StorageFull):
            await bench.downloads.start("gemma3")
        await spin()
        assert bench.downloads.list() == [] and bench.ollama.pulls == []


@pytest.mark.parametrize("broken", ["disk", "adapter"])
async def test_a_download_that_breaks_is_shown_as_failed(broken):
    async with Bench(again=()) as bench:
        record = await bench.downloads.start("gemma3")
        await spin()
        bench.full = broken == "disk"
        bench.ollama.feed("gemma3:latest", ZeroDivisionError() if broken == "adapter" else None)
        last = await ended(bench, record)
        assert last.state == "failed" and "internal error" in last.error["message"]
        bench.full = False
        assert (await bench.downloads.start("gemma3")).id != record.id


async def test_only_so_many_finished_ones_are_remembered():
    async with Bench(kept=3) as bench:
        for number in range(6):
            bench.ollama.feed(f"m{number}:latest", *WHOLE, None)
            await ended(bench, await bench.downloads.start(f"m{number}"))
        await bench.downloads.start("m9")
        assert [record.model for record in bench.downloads.list()] == ["m9:latest", "m5:latest", "m4:latest", "m3:latest"]


async def test_bad_names_and_unknown_ids():
    async with Bench() as bench:
        with pytest.raises(InvalidField):
            await bench.downloads.start("evil.com/a/model")
        for call in (bench.downloads.get, bench.downloads.cancel):
            with pytest.raises(NotFound):
                outcome = call("nope")
                await outcome
        with pytest.raises(NotFound):
            await anext(bench.downloads.watch("nope"))
        assert bench.ollama.pulls == []
