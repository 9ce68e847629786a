import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest

from core.errors import ParserCrashed, PasswordRequired, ProviderUnreachable, SandboxUnavailable, StorageFull
from core.secrets import Keyring, associated_data, new_secret_key
from documents import reasoning
from documents.parsed import FACTS, Notice, Page, Total
from documents.parsers.base import Context
from documents.sandbox.client import Kind
from gateway.service import Completion, Target
from models import JobStatus, Stage
from providers.types import Capabilities, ModelInfo, Text, Usage
from stages import Stages
from store.files import Files
from workers import Pipeline, Sizes

ID = f"{1:032x}"
TEXT = "Emitente: Padaria Fictícia\nCNPJ: 11.222.333/0001-81"


class FakeSandbox:
    """Reads nothing: gives the pages, or the error, that a test wants; `hold` makes it wait until told."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.hold: asyncio.Event | None = None
        self.entered = asyncio.Event()
        self.closed = 0
        self.computing: Exception | None = None
        self.context = Context()
        self.read = 0
        self.notices = (Notice("page_failed", "Page 2 could not be read.", 2),)

    async def parse(self, _path, _filename):
        try:
            self.read += 1
            yield Kind("text/plain")
            yield Total(1 + len(self.notices))
            yield Page(1, TEXT).sealed()
            self.entered.set()
            if self.hold:
                await self.hold.wait()
            if self.errors:
                raise self.errors.pop(0)
            for notice in self.notices:
                yield notice
        finally:
            self.closed += 1

    async def compute(self, task, request):
        if self.computing:
            raise self.computing
        return reasoning.run(task, request)


class FakeGateway:
    def __init__(self) -> None:
        self.keys: list[str | None] = []
        self.error: Exception | None = None
        self.version = "sha256:abc"
        self.names = ("ollama", "gemini")

    def capabilities(self, _provider):
        return Capabilities(json_schema=True)

    async def model_info(self, target, _key):
        return ModelInfo(target.model, target.provider, context=8192)

    async def route(self, provider, model, *, api_key, priority="normal", by=None, allows=None):
        self.keys.append(api_key)
        return Target(provider, model, "requested")

    async def complete(self, target, _request, _attempts=None):
        if self.error:
            raise self.error
        return Completion((Text('{"cnpj": "11.222.333/0001-81"}'),), "stop", Usage(10, 5), "m", self.version, target=target)


class Told:
    def __init__(self) -> None:
        self.woken = 0

    def row(self, job, status):
        if not job["webhook_url"]:
            return None
        return {
            "id": f"m-{status}",
            "job_id": job["id"],
            "owner": "o",
            "url": job["webhook_url"],
            "body": "{}",
            "created_at": 0,
            "next_at": 0,
        }

    def wake(self) -> None:
        self.woken += 1


class Works:
    def __init__(self, jobs, files, clock, **timeouts):
        self.sandbox, self.gateway, self.told = FakeSandbox(), FakeGateway(), Told()
        self.keyring = Keyring(new_secret_key())
        self.pipeline = Pipeline(
            stages=Stages(jobs, files, self.sandbox, self.gateway, self.keyring),
            jobs=jobs,
            files=files,
            sizes=Sizes(2, 2, 1, timeouts.get("extraction", 30), 30, 30),
            clock=clock,
            notifier=self.told,
        )

    async def ended(self, jobs, job_id=ID):
        with self.pipeline.watch(job_id) as changed:
            while True:
                changed.clear()
                row = await jobs.get(job_id, None)
                if row["status"] in ("done", "failed", "cancelled"):
                    return row
                async with asyncio.timeout(10):
                    await changed.wait()


@asynccontextmanager
async def at_work(jobs, files, clock, **timeouts):
    works = Works(jobs, files, clock, **timeouts)
    await works.pipeline.start()
    try:
        yield works
    finally:
        await works.pipeline.drain(0)


@pytest.fixture
def files(tmp_path):
    store = Files(tmp_path)
    store.prepare()
    return store


async def test_a_job_ends_with_answer_evidence_and_what_was_not_read(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        row, created = await works.pipeline.accept(values())
        assert created and row["status"] == JobStatus.QUEUED
        done = await works.ended(jobs)
    assert orjson.loads(done["answer"]) == {"cnpj": "11.222.333/0001-81"}
    evidence = orjson.loads(done["evidence"])["/cnpj"]
    assert (evidence["page"], evidence["match"], evidence["grounded"]) == (1, "exact", True)
    assert (done["pages"], done["pages_read"]) == (2, 1)
    assert orjson.loads(done["notices"])[0]["code"] == "page_failed"
    assert orjson.loads(done["served"])["provider"] == "builtin"
    assert works.told.woken == 0  # nobody wants to be told


async def test_the_deliverer_wakes_for_a_message_that_is_stored(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        await works.pipeline.accept(values(webhook_url="https://receiver.example/hook"))
        await works.ended(jobs)
        assert works.told.woken == 1


async def test_the_callers_key_reaches_the_provider_and_nothing_else(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        sealed = works.keyring.encrypt(b"AIza-secret", associated_data("jobs", ID, "gemini_api_key"))
        await works.pipeline.accept(values(ai_provider="gemini", model="g", gemini_api_key=sealed))
        done = await works.ended(jobs)
    assert works.gateway.keys == ["AIza-secret"]
    assert done["status"] == "done" and done["gemini_api_key"] is None and done["model_version"] == "sha256:abc"
    assert all("AIza-secret" not in str(value) for value in tuple(done))


async def test_a_typed_error_is_the_reason_of_the_failure(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        works.sandbox.errors = [PasswordRequired("The PDF wants a password.")]
        await works.pipeline.accept(values(webhook_url="https://example.com"))
        failed = await works.ended(jobs)
    error = orjson.loads(failed["error"])
    assert failed["status"] == "failed" and error["code"] == "password_required" and error["hint"] and not error["retryable"]


async def test_a_bug_is_a_reason_without_details(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        works.sandbox.errors = [ZeroDivisionError("/secret/path")]
        await works.pipeline.accept(values())
        failed = await works.ended(jobs)
    assert orjson.loads(failed["error"])["code"] == "internal_error" and "secret" not in failed["error"]


@pytest.mark.parametrize("error", [ParserCrashed("crash"), SandboxUnavailable("the fork server died")])
async def test_what_our_machinery_breaks_is_tried_twice_more_and_then_given_up(jobs, files, clock, values, error):
    async with at_work(jobs, files, clock) as works:
        works.sandbox.errors = [error] * 2
        await works.pipeline.accept(values())
        assert (await works.ended(jobs))["status"] == "done"
        works.sandbox.errors = [error] * 5
        await works.pipeline.accept(values(2))
        failed = await works.ended(jobs, f"{2:032x}")
        assert orjson.loads(failed["error"])["code"] == error.code and failed["deaths"] == 2
        assert len(works.sandbox.errors) == 2


async def test_a_computation_that_always_crashes_ends(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        works.sandbox.computing = ParserCrashed("the finder crashed")
        await works.pipeline.accept(values())
        assert orjson.loads((await works.ended(jobs))["error"])["code"] == "parser_crashed"


async def test_a_result_that_cannot_be_stored_fails_its_job_and_not_its_worker(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        works.gateway.version = "v\ud800"
        await works.pipeline.accept(values(ai_provider="ollama", model="m"))
        failed = await works.ended(jobs)
        assert orjson.loads(failed["error"])["code"] == "internal_error"
        assert works.pipeline.healthy


async def test_a_stop_with_a_full_disk_ends(jobs, files, clock, values, monkeypatch):
    monkeypatch.setattr("workers._STORAGE_PAUSE", 0.001)
    works = Works(jobs, files, clock)
    await works.pipeline.start()

    async def full(*_arguments, **_options):
        raise StorageFull("full")

    works.sandbox.hold = asyncio.Event()
    await works.pipeline.accept(values())
    await works.sandbox.entered.wait()
    for name in ("advance", "release", "fail", "release_all"):
        monkeypatch.setattr(jobs, name, full)
    async with asyncio.timeout(5):
        await works.pipeline.drain(0)


async def test_a_cancelled_job_leaves_the_line(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        works.sandbox.hold = asyncio.Event()
        for number in range(1, 6):
            await works.pipeline.accept(values(number))
        await works.sandbox.entered.wait()
        line = works.pipeline.rooms[Stage.EXTRACTION].line
        assert len(line) == 3
        await works.pipeline.cancel(f"{4:032x}", None)
        assert len(line) == 2 and line.position(1, 5) == 2
        works.sandbox.hold.set()
        works.sandbox.hold = None
        assert (await works.ended(jobs, f"{5:032x}"))["status"] == "done"


async def test_closing_the_door_wakes_those_who_wait(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        works.sandbox.hold = asyncio.Event()
        await works.pipeline.accept(values())
        with works.pipeline.watch(ID) as changed:
            await works.sandbox.entered.wait()
            changed.clear()
            works.pipeline.stop_accepting()
            assert changed.is_set() and not works.pipeline.accepting


async def test_a_retry_after_a_dead_provider_reads_the_document_only_once(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        works.gateway.error = ProviderUnreachable("Ollama does not answer.")
        await works.pipeline.accept(values(ai_provider="ollama", model="m"))
        assert (await works.ended(jobs))["status"] == "failed"
        works.gateway.error = None
        assert await works.pipeline.retry(ID, None, None)
        assert (await works.ended(jobs))["status"] == "done"
        assert works.sandbox.closed == 1


async def test_cancelling_a_running_job_stops_its_reader_and_erases_it(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        incoming = files.receive(ID)
        await incoming.write(b"x")
        await incoming.keep()
        works.sandbox.hold = asyncio.Event()
        await works.pipeline.accept(values())
        await works.sandbox.entered.wait()
        row = await works.pipeline.cancel(ID, "operator")
        assert row["status"] == "cancelled" and not files.path(ID).exists()
        assert await works.pipeline.cancel(ID, "operator") is None
        works.sandbox.hold = None
        await works.pipeline.accept(values(2))
        assert (await works.ended(jobs, f"{2:032x}"))["status"] == "done"
        assert (await jobs.get(ID, None))["status"] == "cancelled" and works.sandbox.closed == 2


async def test_a_stage_that_takes_too_long_ends_with_its_reason(jobs, files, clock, values):
    async with at_work(jobs, files, clock, extraction=0.05) as works:
        works.sandbox.hold = asyncio.Event()
        await works.pipeline.accept(values())
        failed = await works.ended(jobs)
        assert orjson.loads(failed["error"])["code"] == "document_too_complex" and works.sandbox.closed == 1


async def test_a_stop_puts_running_work_back_and_the_next_start_finishes_it(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        works.sandbox.hold = asyncio.Event()
        await works.pipeline.accept(values())
        await works.sandbox.entered.wait()
    assert not works.pipeline.healthy
    row = await jobs.get(ID, None)
    assert (row["status"], row["deaths"], row["boot_id"]) == ("queued", 0, None)
    async with at_work(jobs, files, clock) as works:
        assert (await works.ended(jobs))["status"] == "done"


async def test_a_stop_lets_work_end_within_its_grace(jobs, files, clock, values):
    works = Works(jobs, files, clock)
    await works.pipeline.start()
    works.sandbox.hold = asyncio.Event()
    await works.pipeline.accept(values())
    await works.sandbox.entered.wait()
    draining = asyncio.ensure_future(works.pipeline.drain(10))
    await asyncio.sleep(0)
    works.sandbox.hold.set()
    await draining
    assert (await jobs.get(ID, None))["status"] == "extracted"


async def test_a_full_disk_delays_and_loses_nothing(jobs, files, clock, values, monkeypatch):
    monkeypatch.setattr("workers._STORAGE_PAUSE", 0)
    refusals = [StorageFull("full")] * 5
    advance = jobs.advance

    async def failing(*arguments):
        if refusals:
            raise refusals.pop()
        return await advance(*arguments)

    monkeypatch.setattr(jobs, "advance", failing)
    async with at_work(jobs, files, clock) as works:
        await works.pipeline.accept(values())
        assert (await works.ended(jobs))["status"] == "done"
    assert not refusals


async def test_progress_and_every_change_reach_a_watcher(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        works.sandbox.hold = asyncio.Event()
        await works.pipeline.accept(values())
        await works.sandbox.entered.wait()
        with works.pipeline.watch(ID) as changed:
            assert works.pipeline.progress(ID) == (1, 2)
            works.sandbox.hold.set()
            await changed.wait()
        assert (await works.ended(jobs))["status"] == "done"
        assert works.pipeline.progress(ID) is None
        assert works.pipeline._watchers == {}


async def test_a_dead_worker_loop_is_not_healthy(jobs, files, clock):
    async with at_work(jobs, files, clock) as works:
        assert works.pipeline.healthy
        works.pipeline._workers[0].cancel()
        await asyncio.wait(works.pipeline._workers[:1])
        assert not works.pipeline.healthy


def test_the_table_of_stages_is_whole(jobs, files, clock):
    rooms = Works(jobs, files, clock).pipeline.rooms
    assert list(rooms) == list(Stage) and all(room.workers >= 1 and room.deadline > 0 for room in rooms.values())


async def test_a_new_question_about_the_same_file_does_not_read_it_again(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        works.sandbox.notices = ()
        await works.pipeline.accept(values())
        first = await works.ended(jobs)
        again = values(2, prompt="Qual é o CNPJ do emitente?", filename="copia.pdf")
        await works.pipeline.accept(again)
        second = await works.ended(jobs, again["id"])
        assert works.sandbox.read == 1
        assert await jobs.pages(second["id"]) == await jobs.pages(first["id"])
        assert [second[name] for name in FACTS] == [first[name] for name in FACTS]
        assert orjson.loads(second["answer"]) == {"cnpj": "11.222.333/0001-81"}


@pytest.mark.parametrize(
    "changes",
    [{"sha256": "1" * 64}, {"owner": "somebody else"}, {"filename": "nota.csv"}],
    ids=lambda changes: next(iter(changes)),
)
async def test_only_the_same_bytes_of_the_same_owner_were_read_before(jobs, files, clock, values, changes):
    async with at_work(jobs, files, clock) as works:
        works.sandbox.notices = ()
        await works.pipeline.accept(values())
        await works.ended(jobs)
        other = values(2, **changes)
        await works.pipeline.accept(other)
        await works.ended(jobs, other["id"])
        assert works.sandbox.read == 2


async def test_a_document_that_was_not_read_whole_is_read_again(jobs, files, clock, values):
    async with at_work(jobs, files, clock) as works:
        for number in (1, 2):
            await works.pipeline.accept(values(number))
            await works.ended(jobs, values(number)["id"])
        assert works.sandbox.read == 2
