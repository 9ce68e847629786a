import asyncio

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from core.errors import Conflict, IdempotencyMismatch
from models import ACTIVE, BUSY, ENTRY, SUCCESS, TERMINAL, TRANSITIONS, JobStatus, Stage, outbox, pages
from store.jobs import _MAX_DEATHS, _move

ID = f"{1:032x}"


async def through(jobs, job_id, *stages):
    for stage in stages:
        assert await jobs.claim(job_id, stage, "boot")
        contents = [(1, b"[1]")] if stage is Stage.EXTRACTION else []
        assert await jobs.advance(job_id, stage, "boot", {"reply": "{}"} if stage is Stage.MODEL else {}, contents)


async def test_a_job_goes_through_its_stages_and_its_times_are_kept(jobs, values, ticking):
    row, created = await jobs.create(values())
    assert created and row["status"] == JobStatus.QUEUED
    ticking.time += 2
    claimed = await jobs.claim(ID, Stage.EXTRACTION, "boot")
    assert claimed["status"] == JobStatus.EXTRACTING and claimed["queued_ms"] == 2000 and claimed["attempts"] == 1
    ticking.time += 5
    moved = await jobs.advance(ID, Stage.EXTRACTION, "boot", {"pages": 1}, [(1, b"[1]")])
    assert moved["status"] == JobStatus.EXTRACTED
    row = await jobs.get(ID, None)
    assert (row["status"], row["pages"], row["boot_id"]) == (JobStatus.EXTRACTED, 1, None)
    ticking.time += 3
    assert (await jobs.claim(ID, Stage.MODEL, "boot"))["queued_ms"] == 5000
    await jobs.advance(ID, Stage.MODEL, "boot", {"reply": "{}"})
    await through(jobs, ID, Stage.FORMATTING)
    done = await jobs.get(ID, "operator")
    assert done["status"] == JobStatus.DONE
    assert done["expires_at"] == done["finished_at"] + 3600 == ticking.time + 3600
    assert await jobs.pages(ID) == [b"[1]"]


async def test_two_claims_race_and_one_wins(jobs, values):
    await jobs.create(values())
    won = await asyncio.gather(*(jobs.claim(ID, Stage.EXTRACTION, "boot") for _ in range(10)))
    assert sum(row is not None for row in won) == 1


async def test_the_answer_of_a_dead_server_is_not_taken(jobs, values):
    await jobs.create(values())
    await jobs.claim(ID, Stage.EXTRACTION, "old boot")
    await jobs.recover("new boot", no_hook)
    await jobs.claim(ID, Stage.EXTRACTION, "new boot")
    assert await jobs.advance(ID, Stage.EXTRACTION, "old boot", {}) is None
    assert await jobs.advance(ID, Stage.EXTRACTION, "new boot", {}) is not None


async def test_the_callers_key_is_erased_when_the_job_ends_whatever_its_end(jobs, values, database, tmp_path):
    for number, end in enumerate(("done", "failed", "cancelled"), start=1):
        job_id = f"{number:032x}"
        await jobs.create(values(number, gemini_api_key=b"sealed-secret-bytes"))
        if end == "done":
            await through(jobs, job_id, *Stage)
        elif end == "failed":
            await jobs.claim(job_id, Stage.EXTRACTION, "boot")
            await jobs.fail(job_id, Stage.EXTRACTION, "boot", {"code": "x"})
        else:
            await jobs.cancel(job_id, None)
        row = await jobs.get(job_id, None)
        assert row["status"] == end and row["gemini_api_key"] is None
    await database.scrub()
    assert all(b"sealed-secret-bytes" not in path.read_bytes() for path in tmp_path.iterdir())


async def test_cancelling_erases_the_content_and_stops_the_worker(jobs, values):
    await jobs.create(values(example="x"))
    await jobs.claim(ID, Stage.EXTRACTION, "boot")
    assert await jobs.cancel(ID, "operator")
    row = await jobs.get(ID, None)
    assert row["prompt"] == "" and row["example"] is None
    assert await jobs.advance(ID, Stage.EXTRACTION, "boot", {}, [(1, b"[1]")]) is None
    assert await jobs.pages(ID) == []
    assert await jobs.cancel(ID, "operator") is None


async def test_a_foreign_job_does_not_exist(jobs, values):
    await jobs.create(values(owner="alice"))
    assert await jobs.get(ID, "bob") is None
    assert await jobs.cancel(ID, "bob") is None
    assert await jobs.retry(ID, "bob", None) is None
    assert await jobs.listing("bob", [], 10, None) == []
    assert (await jobs.get(ID, "alice"))["id"] == ID
    assert (await jobs.get(ID, None))["id"] == ID


@pytest.mark.parametrize(
    ("stages", "entry"), [((), "queued"), ((Stage.EXTRACTION,), "extracted"), ((Stage.EXTRACTION, Stage.MODEL), "analyzed")]
)
async def test_a_retry_resumes_where_the_work_is_missing(jobs, values, stages, entry):
    await jobs.create(values())
    await through(jobs, ID, *stages)
    nxt = list(Stage)[len(stages)]
    await jobs.claim(ID, nxt, "boot")
    await jobs.fail(ID, nxt, "boot", {"code": "x"})
    assert (await jobs.retry(ID, "operator", b"new key"))["status"] == entry
    row = await jobs.get(ID, None)
    assert row["status"] == entry and row["error"] is None and row["finished_at"] is None
    assert row["gemini_api_key"] == b"new key"


async def test_only_failed_jobs_can_be_retried(jobs, values):
    await jobs.create(values())
    with pytest.raises(Conflict):
        await jobs.retry(ID, None, None)


def no_hook(_job, _status):
    return None


async def test_whoever_waits_for_a_poison_job_is_told(jobs, values, database):
    await jobs.create(values(webhook_url="https://receiver.example"))

    def hook(job, status):
        return {"id": "m", "job_id": job["id"], "owner": job["owner"], "url": job["webhook_url"], "body": status, "created_at": 0}

    for _ in range(_MAX_DEATHS + 1):
        await jobs.claim(ID, Stage.EXTRACTION, "dead")
        assert not await database.read(select(outbox))
        await jobs.recover("alive", hook)
    ((told,),) = [await database.read(select(outbox))]
    assert (told["job_id"], told["body"]) == (ID, "failed")


async def test_recovery_puts_running_jobs_back_in_order_and_fails_poison(jobs, values):
    for number in range(1, 6):
        await jobs.create(values(number, priority=2 if number == 1 else 1))
    await jobs.claim(f"{3:032x}", Stage.EXTRACTION, "dead")
    await through(jobs, f"{4:032x}", Stage.EXTRACTION)
    await jobs.claim(f"{4:032x}", Stage.MODEL, "dead")
    waiting = await jobs.recover("alive", no_hook)
    assert [int(item.id, 16) for item in waiting] == [2, 3, 4, 5, 1]
    assert [item.status for item in waiting if int(item.id, 16) == 4] == [JobStatus.EXTRACTED]
    for _ in range(_MAX_DEATHS + 1):
        await jobs.claim(f"{3:032x}", Stage.EXTRACTION, "dead")
        await jobs.recover("alive", no_hook)
    row = await jobs.get(f"{3:032x}", None)
    assert row["status"] == JobStatus.FAILED and orjson.loads(row["error"])["code"] == "worker_died"


async def test_a_clean_stop_counts_no_death(jobs, values):
    await jobs.create(values())
    await jobs.claim(ID, Stage.EXTRACTION, "boot")
    await jobs.release_all("boot")
    row = await jobs.get(ID, None)
    assert row["status"] == JobStatus.QUEUED and row["deaths"] == 0 and row["boot_id"] is None


async def test_the_same_idempotency_key_gives_the_same_job_even_in_a_race(jobs, values):
    made = await asyncio.gather(*(jobs.create(values(n), ("key", "same")) for n in range(1, 6)))
    assert len({row["id"] for row, _ in made}) == 1
    assert sum(created for _, created in made) == 1
    with pytest.raises(IdempotencyMismatch):
        await jobs.create(values(9), ("key", "other"))
    assert (await jobs.create(values(10, owner="alice"), ("key", "other")))[1]


async def test_the_webhook_row_is_written_with_the_final_state_or_not_at_all(jobs, values, database):
    hook = {"id": "m1", "job_id": ID, "owner": "operator", "url": "https://x", "body": "{}", "next_at": 0, "created_at": 0}
    await jobs.create(values())
    await through(jobs, ID, Stage.EXTRACTION, Stage.MODEL)
    await jobs.claim(ID, Stage.FORMATTING, "boot")
    assert await jobs.advance(ID, Stage.FORMATTING, "other boot", {}, (), hook) is None
    assert await database.read(select(outbox)) == []
    await jobs.advance(ID, Stage.FORMATTING, "boot", {}, (), hook)
    assert [row["id"] for row in await database.read(select(outbox))] == ["m1"]


async def test_expired_jobs_go_with_their_pages(jobs, values, database, ticking):
    await jobs.create(values())
    await through(jobs, ID, *Stage)
    assert await jobs.expired() == []
    ticking.time += 3601
    assert await jobs.expired() == [ID]
    assert await jobs.erase([ID]) == [ID]
    assert await database.read(select(pages)) == []


async def test_unfinished_jobs_are_never_erased(jobs, values):
    await jobs.create(values())
    assert await jobs.erase([ID]) == []
    assert await jobs.get(ID, None) is not None


async def test_the_list_is_cut_by_a_stable_cursor(jobs, values):
    for number in range(1, 6):
        await jobs.create(values(number))
    first = await jobs.listing("operator", [], 2, None)
    second = await jobs.listing("operator", [], 2, first[-1]["seq"])
    assert [int(row["id"], 16) for row in [*first, *second]] == [5, 4, 3, 2]
    assert len(await jobs.listing("operator", ["queued"], 10, None)) == 5
    assert await jobs.listing("operator", ["done"], 10, None) == []


@given(st.sampled_from(list(JobStatus)), st.sampled_from(list(JobStatus)))
def test_no_move_that_the_table_does_not_know(old, new):
    if new not in TRANSITIONS[old]:
        with pytest.raises(AssertionError):
            _move(None, ID, old, {"status": new})


def test_the_tables_agree():
    assert set(JobStatus) == TERMINAL | ACTIVE
    for stage in Stage:
        assert BUSY[stage] in TRANSITIONS[ENTRY[stage]]
        assert {SUCCESS[stage], ENTRY[stage]} <= TRANSITIONS[BUSY[stage]]
    assert TRANSITIONS[JobStatus.DONE] == TRANSITIONS[JobStatus.CANCELLED] == frozenset()


async def test_the_mark_of_an_idempotency_key_outlives_its_job_for_a_day(jobs, values, ticking):
    await jobs.create(values(), ("key", "same"))
    await jobs.cancel(ID, None)
    assert await jobs.erase([ID]) == [ID]
    with pytest.raises(Conflict, match=ID):
        await jobs.create(values(2), ("key", "same"))
    with pytest.raises(IdempotencyMismatch):
        await jobs.create(values(2), ("key", "other"))
    assert await jobs.forget_marks(ticking.time) == 0
    assert await jobs.forget_marks(ticking.time + 1) == 1
    assert (await jobs.create(values(2), ("key", "same")))[1]


async def test_the_list_carries_no_texts(jobs, values):
    await jobs.create(values(example="x", gemini_api_key=b"sealed"))
    (row,) = await jobs.listing("operator", [], 10, None)
    assert not {"prompt", "format_response", "example", "reply", "answer", "evidence", "gemini_api_key"} & set(row.keys())
