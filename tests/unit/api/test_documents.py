import asyncio
import threading

import pytest

from api import documents
from core.secrets import associated_data
from documents.parsed import Page
from models import Stage
from tests.unit.api.rooms import Rooms

KEYED = ("Idempotency-Key", "k1")


@pytest.fixture
def rooms(database, jobs, clock, tmp_path):
    return Rooms(database, jobs, clock, tmp_path)


async def failed(rooms, job_id):
    await rooms.house.jobs.claim(job_id, Stage.EXTRACTION, "boot")
    await rooms.house.jobs.fail(job_id, Stage.EXTRACTION, "boot", {"code": "x", "message": "", "hint": "", "retryable": True})


def in_between(jobs, name, act):
    """Lets `act` happen once, after the caller has looked and before `jobs.name` is done."""
    real = getattr(jobs, name)

    async def raced(*arguments):
        setattr(jobs, name, real)
        await act()
        return await real(*arguments)

    setattr(jobs, name, raced)


async def test_a_job_that_is_tried_again_while_it_is_deleted_keeps_no_file(rooms):
    job_id = (await rooms.upload()).json["id"]
    await failed(rooms, job_id)
    in_between(rooms.house.jobs, "erase", lambda: rooms.house.pipeline.retry(job_id, None, None))
    assert (await rooms.call("DELETE", f"/response/{job_id}")).json == {"id": job_id, "status": "cancelled"}
    assert (await rooms.call("GET", f"/response/{job_id}")).json["status"] == "cancelled"
    assert not rooms.house.files.path(job_id).exists()


async def test_a_job_that_ends_while_it_is_cancelled_is_erased(rooms):
    job_id = (await rooms.upload()).json["id"]
    in_between(rooms.house.jobs, "cancel", lambda: failed(rooms, job_id))
    assert (await rooms.call("DELETE", f"/response/{job_id}")).json == {"id": job_id, "status": "erased"}
    assert (await rooms.call("GET", f"/response/{job_id}")).status == 404


@pytest.mark.parametrize("finished", [False, True])
async def test_what_was_deleted_is_not_left_in_the_database(rooms, tmp_path, finished):
    job_id = (await rooms.upload(fields={"prompt": "pergunta confidencial"})).json["id"]
    if finished:
        await failed(rooms, job_id)
    assert (await rooms.call("DELETE", f"/response/{job_id}")).status == 200
    async with asyncio.timeout(10):
        while (tmp_path / "myelin.db-wal").stat().st_size:
            await asyncio.sleep(0)
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"pergunta confidencial" not in left


async def test_a_retry_of_a_job_that_vanishes_is_a_404(rooms):
    job_id = (await rooms.upload()).json["id"]
    await failed(rooms, job_id)
    in_between(rooms.house.jobs, "retry", lambda: rooms.house.jobs.erase([job_id]))
    got = await rooms.call("POST", f"/response/{job_id}/retry")
    assert (got.status, got.json["code"]) == (404, "not_found")


async def test_a_server_that_stops_takes_no_retry(rooms):
    job_id = (await rooms.upload()).json["id"]
    await failed(rooms, job_id)
    rooms.house.pipeline.stop_accepting()
    assert (await rooms.call("POST", f"/response/{job_id}/retry")).status == 503
    assert (await rooms.house.jobs.get(job_id, None))["status"] == "failed"


async def test_the_key_of_a_retry_is_read_as_that_of_an_upload(rooms):
    job_id = (await rooms.upload()).json["id"]
    await failed(rooms, job_id)
    path, name = f"/response/{job_id}/retry", "Gemini-API-Key"
    for headers, status in (([(name, "k" * 600)], 422), ([(name, "one"), (name, "two")], 400)):
        got = await rooms.call("POST", path, headers)
        assert got.status == status and got.json["errors"][0]["field"] == name
    assert (await rooms.upload(headers=[(name, "k" * 600)])).status == 422
    assert (await rooms.call("POST", path, [(name, " AIza-1 ")])).status == 202
    sealed = (await rooms.house.jobs.get(job_id, None))["gemini_api_key"]
    assert rooms.house.keyring.decrypt(sealed, associated_data("jobs", job_id, "gemini_api_key")) == b"AIza-1"


async def test_pictures_wait_for_a_place(rooms):
    job_id = (await rooms.upload()).json["id"]
    async with rooms.house.pictures.place():
        got = await rooms.call("GET", f"/response/{job_id}/pages/1.png")
    assert (got.status, got.json["code"], got.headers["retry-after"]) == (503, "overloaded", "5")


async def test_the_limit_of_an_upload_is_that_of_its_file(rooms):
    limit = 1 << 20
    prompt = {"prompt": "x" * 30_000}
    assert (await rooms.upload(b"a" * limit, fields=prompt)).status == 202
    got = await rooms.upload(b"a" * (limit + 1), fields=prompt)
    assert got.status == 413 and got.json["errors"][0]["field"] == "file"
    assert (await rooms.upload(b"a" * (2 * limit))).status == 413


async def test_a_repeated_upload_waits_as_the_first_one_does(rooms):
    first = await rooms.upload(headers=[KEYED])
    waiting = asyncio.create_task(rooms.upload(query="?wait=120", headers=[KEYED], hangs_up=asyncio.Event()))
    async with asyncio.timeout(10):
        while not rooms.house.pipeline._watchers:
            await asyncio.sleep(0)
    await rooms.house.pipeline.cancel(first.json["id"], None)
    again = await asyncio.wait_for(waiting, 10)
    assert (again.status, again.json["id"], again.json["status"]) == (200, first.json["id"], "cancelled")
    assert again.headers["idempotent-replayed"] == "true"
    plain = await rooms.upload(headers=[KEYED])
    assert (plain.status, plain.json["id"]) == (200, first.json["id"]) and "links" in plain.json


async def test_a_repeated_upload_of_an_erased_job_says_so_and_makes_none(rooms):
    job_id = (await rooms.upload(headers=[KEYED])).json["id"]
    await failed(rooms, job_id)
    await rooms.call("DELETE", f"/response/{job_id}")
    again = await rooms.upload(headers=[KEYED])
    assert (again.status, again.json["code"]) == (409, "conflict") and job_id in again.json["detail"]
    assert "new key" in again.json["hint"]
    assert (await rooms.call("GET", "/responses")).json["data"] == []
    assert not [path for path in rooms.house.files.kept.glob("??/*")]


async def test_an_upload_cut_off_while_its_row_is_written_keeps_its_file(rooms):
    written, go_on = asyncio.Event(), asyncio.Event()
    create = rooms.house.jobs.create

    async def slow(*arguments):
        made = await create(*arguments)
        written.set()
        await go_on.wait()
        return made

    rooms.house.jobs.create = slow
    sent = asyncio.create_task(rooms.upload())
    await asyncio.wait_for(written.wait(), 10)
    sent.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sent
    go_on.set()
    (row,) = await rooms.house.jobs.listing(None, [], 10, None)
    assert rooms.house.files.path(row["id"]).exists()
    assert len(rooms.house.pipeline.rooms[Stage.EXTRACTION].line) == 1


async def test_an_upload_whose_row_is_refused_leaves_no_file(rooms):
    await rooms.upload(headers=[KEYED])
    assert (await rooms.upload(b"another", headers=[KEYED])).status == 422
    assert len([path for path in rooms.house.files.kept.glob("??/*")]) == 1


async def test_pages_are_decoded_outside_the_event_loop(rooms, monkeypatch):
    threads = []

    class Watched(Page):
        @classmethod
        def from_json(cls, content):
            threads.append(threading.current_thread())
            return Page.from_json(content)

    monkeypatch.setattr(documents, "Page", Watched)
    job_id = (await rooms.upload()).json["id"]
    await rooms.house.jobs.claim(job_id, Stage.EXTRACTION, "boot")
    await rooms.house.jobs.advance(job_id, Stage.EXTRACTION, "boot", {}, [(1, Page(1, "texto").to_json())])
    got = await rooms.call("GET", f"/response/{job_id}/text?words=1")
    assert got.json["pages"][0]["text"] == "texto" and "words" in got.json["pages"][0]
    assert threads and threading.main_thread() not in threads


async def test_the_list_says_who_answers_and_why_nobody_did(rooms):
    fields = {"ai_provider": "ollama", "model": "gemma3:1b"}
    waiting, broken = [(await rooms.upload(fields=fields)).json["id"] for _ in range(2)]
    await failed(rooms, broken)
    newest, oldest = (await rooms.call("GET", "/responses")).json["data"]
    assert (newest["id"], newest["status"], newest["error"]["code"]) == (broken, "failed", "x")
    assert (oldest["id"], oldest["ai_provider"], oldest["model"], oldest["error"]) == (waiting, "ollama", "gemma3:1b", None)


async def test_a_file_that_is_no_document_is_refused_before_a_job_is_made(rooms):
    got = await rooms.upload(b"\x7fELF\x02\x01\x01")
    assert (got.status, got.json["errors"][0]["field"]) == (415, "file") and "Linux program" in got.json["detail"]
    assert (await rooms.call("GET", "/responses")).json["data"] == [] and not list(rooms.house.files.kept.glob("??/*"))


async def test_the_limit_of_a_file_is_told_in_megabytes(rooms):
    problem = (await rooms.upload(b"a" * ((1 << 20) + 1))).json
    assert problem["detail"] == "The file has 1.01 MB, at most 1 MB are allowed." and "MAX_UPLOAD_MB" in problem["hint"]


async def test_the_list_is_filtered_by_the_statuses_that_are_shown(rooms):
    job_id = (await rooms.upload()).json["id"]
    await rooms.house.jobs.claim(job_id, Stage.EXTRACTION, "boot")
    await rooms.house.jobs.advance(job_id, Stage.EXTRACTION, "boot", {}, [(1, Page(1, "texto").to_json())])
    for status, found in (("analyzing", [job_id]), ("done, analyzing", [job_id]), ("extracting", []), ("", [job_id])):
        rows = (await rooms.call("GET", f"/responses?status={status.replace(' ', '%20')}")).json["data"]
        assert [row["id"] for row in rows] == found
    for unknown in ("finished", "extracted"):
        got = await rooms.call("GET", f"/responses?status={unknown}")
        assert (got.status, got.json["errors"][0]["field"]) == (422, "status") and "analyzing" in got.json["hint"]
