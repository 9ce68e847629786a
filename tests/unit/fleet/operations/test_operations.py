"""Operations over two fake machines: what they change, in which order, and what stops them."""

import asyncio

import pytest

from core.errors import Conflict, InvalidField, ModelNotFound, NotFound, Overloaded, ProviderUnreachable
from fleet.operations.durable import Pace
from tests.fakes.ollama_blobs import digest_of
from tests.unit.fleet.operations.rooms import NAME, TEXTS, WEIGHTS, Rooms, Sender


@pytest.fixture
async def rooms(tmp_path):
    async with Rooms(tmp_path) as opened:
        yield opened


def installed(fake):
    return set(fake.machine.installed)


async def test_an_installation_pulls_on_the_machine_that_was_named(rooms):
    record = await rooms.operations.start("install", "tinyllama", machine="b")
    assert record.state == "queued" and record.model == "tinyllama:latest"
    done = await rooms.ended(record)
    assert (done.state, done.way, done.error) == ("done", "pull", None)
    assert done.found == f"sha256:{rooms.b.machine.installed['tinyllama:latest'].digest}"
    assert done.completed == done.total and done.finished_at is not None and rooms.told == 1
    assert "tinyllama:latest" in installed(rooms.b) and "tinyllama:latest" not in installed(rooms.a)


async def test_a_model_of_the_registry_is_moved_by_a_pull_and_deleted_only_when_it_is_verified(rooms):
    rooms.b.machine.installed.pop("llama3.2:3b")
    done = await rooms.ended(await rooms.operations.start("move", "llama3.2:3b", source="a", target="b"))
    assert (done.state, done.way, done.same) == ("done", "pull", "manifest") and done.digest == done.found
    assert "llama3.2:3b" in installed(rooms.b) and "llama3.2:3b" not in installed(rooms.a)
    assert rooms.a.bodies("/api/generate")[-1]["keep_alive"] == 0


async def test_a_model_of_no_registry_is_moved_file_by_file(rooms):
    async with Sender(rooms):
        done = await rooms.ended(await rooms.operations.start("move", NAME, source="a", target="b"))
    assert (done.state, done.way, done.same, done.error) == ("done", "blobs", "manifest", None)
    assert rooms.b.machine.installed[NAME].digest == done.digest.removeprefix("sha256:") and NAME not in installed(rooms.a)
    assert rooms.b.blobs.kept[rooms.b.blobs.created[0]["files"]["model-0.gguf"]] == WEIGHTS
    body = rooms.b.blobs.created[0]
    assert body["template"] == "{{ .Prompt }}" and body["license"] == ["MIT"] and body["renderer"] == "casa"
    assert body["parameters"] == {"stop": ["<eos>"]} and body["model"] == NAME
    assert done.completed == done.total == len(WEIGHTS)
    assert list((rooms.folder / "spool").iterdir()) == []


async def test_a_manifest_that_the_target_writes_anew_is_told_and_the_files_are_what_counts(rooms):
    rooms.b.blobs.stamp = "another Ollama"
    async with Sender(rooms):
        done = await rooms.ended(await rooms.operations.start("move", NAME, source="a", target="b"))
    assert (done.state, done.same) == ("done", "files") and done.digest != done.found
    assert "manifest of its own" in done.detail and NAME not in installed(rooms.a)


async def test_files_that_the_target_has_are_not_sent_again(rooms):
    rooms.b.blobs.add("other:1b", WEIGHTS)
    async with Sender(rooms) as sender:
        done = await rooms.ended(await rooms.operations.start("duplicate", NAME, source="a", target="b"))
    assert done.state == "done" and not [one for one in rooms.b.requests if one.method == "POST" and "/blobs/" in one.path]
    assert len(sender.asked) == 5 and NAME in installed(rooms.a)  # the manifest and four texts


async def test_without_an_agent_a_model_of_no_registry_stays_and_the_cure_is_told(rooms):
    rooms.keyed.clear()
    failed = await rooms.ended(await rooms.operations.start("move", NAME, source="a", target="b"))
    assert (failed.state, failed.error["code"]) == ("failed", "agent_missing")
    assert "POST /machines/a/agent" in failed.error["hint"] and NAME in installed(rooms.a) and NAME not in installed(rooms.b)


async def test_another_version_of_the_registry_is_told_and_nothing_is_deleted(rooms):
    rooms.keyed.clear()
    rooms.b.blobs.add(NAME, b"newer weights", in_library=True)
    rooms.b.machine.installed.pop(NAME)
    failed = await rooms.ended(await rooms.operations.start("move", NAME, source="a", target="b"))
    assert (failed.state, failed.error["code"], failed.same) == ("failed", "wrong_digest", "different")
    assert NAME in installed(rooms.a)
    rooms.b.machine.installed.pop(NAME)
    done = await rooms.ended(await rooms.operations.start("duplicate", NAME, source="a", target="b"))
    assert (done.state, done.same) == ("done", "different") and done.digest in done.detail and done.found in done.detail


async def test_another_version_of_the_registry_gives_way_to_the_files_when_there_is_an_agent(rooms):
    rooms.b.blobs.add(NAME, b"newer weights", in_library=True)
    rooms.b.machine.installed.pop(NAME)
    async with Sender(rooms):
        done = await rooms.ended(await rooms.operations.start("move", NAME, source="a", target="b"))
    assert (done.state, done.way, done.same) == ("done", "blobs", "manifest") and NAME not in installed(rooms.a)


@pytest.mark.parametrize("spoiled", ["manifest", "blob"])
async def test_a_wrong_digest_is_refused_and_asked_for_once_more(rooms, spoiled):
    async with Sender(rooms) as sender:
        sender.spoiled[spoiled] = 1
        done = await rooms.ended(await rooms.operations.start("move", NAME, source="a", target="b"))
        assert done.state == "done" and rooms.b.blobs.kept[rooms.b.blobs.created[0]["files"]["model-0.gguf"]] == WEIGHTS


@pytest.mark.parametrize("spoiled", ["manifest", "blob"])
async def test_a_digest_that_stays_wrong_ends_the_operation_and_nothing_is_deleted(rooms, spoiled):
    async with Sender(rooms) as sender:
        sender.spoiled[spoiled] = 99
        failed = await rooms.ended(await rooms.operations.start("move", NAME, source="a", target="b"))
        assert [what for what, _ in sender.asked].count(spoiled) == 2
    assert (failed.state, failed.error["code"]) == ("failed", "wrong_digest")
    assert NAME in installed(rooms.a) and NAME not in installed(rooms.b)
    assert list((rooms.folder / "spool").iterdir()) == []


async def test_a_file_that_is_spoiled_on_the_way_to_the_target_is_sent_once_more(rooms):
    rooms.b.blobs.spoiled = 1
    async with Sender(rooms):
        done = await rooms.ended(await rooms.operations.start("move", NAME, source="a", target="b"))
    assert done.state == "done"
    rooms.a.blobs.add(NAME, WEIGHTS + b"2")
    rooms.b.machine.installed.pop(NAME)
    rooms.b.blobs.spoiled = 9
    async with Sender(rooms):
        failed = await rooms.ended(await rooms.operations.start("move", NAME, source="a", target="b"))
    assert failed.error["code"] == "wrong_digest" and rooms.b.blobs.spoiled == 7 and NAME in installed(rooms.a)


async def test_a_full_disk_of_the_target_is_told(rooms):
    rooms.b.blobs.room = 1 << 20
    async with Sender(rooms):
        failed = await rooms.ended(await rooms.operations.start("move", NAME, source="a", target="b"))
    assert (failed.state, failed.error["code"]) == ("failed", "storage_full") and "machine" in failed.error["message"]
    assert NAME in installed(rooms.a)


async def test_a_pull_on_a_full_disk_is_told(rooms):
    rooms.b.fail("error_in_stream", message="write /root/.ollama/x: no space left on device")
    failed = await rooms.ended(await rooms.operations.start("install", "llama3:8b", machine="b"))
    assert (failed.state, failed.error["code"]) == ("failed", "storage_full") and "/root" not in failed.error["message"]


async def test_a_full_disk_here_is_told(tmp_path):
    async with Rooms(tmp_path, free=lambda _: 4 << 20) as rooms, Sender(rooms):
        failed = await rooms.ended(await rooms.operations.start("move", NAME, source="a", target="b"))
        assert (failed.state, failed.error["code"]) == ("failed", "storage_full") and "DATA_DIR" in failed.error["hint"]
        assert NAME in installed(rooms.a)


async def test_a_move_that_is_cut_off_goes_on_where_it_was(rooms):
    async with Sender(rooms) as sender:
        record = await rooms.operations.start("move", NAME, source="a", target="b")
        await rooms.until(record, lambda seen: seen.step == "copying" and seen.completed > 0)
        sender.gate.clear()
        await rooms.restart()
        rooms.a.requests.clear(), rooms.b.requests.clear()
        again = rooms.operations.get(record.id)
        assert again.step == "copying" and again.way == "blobs"
        sender.asked.clear()
        sender.gate.set()
        done = await rooms.ended(record)
    assert done.state == "done" and done.attempts == 2
    assert sender.asked[0][0] == "blob" and sender.asked[0][1] > 0  # neither the manifest nor the first bytes again
    assert not rooms.b.bodies("/api/pull") and NAME not in installed(rooms.a)


async def test_a_restart_in_front_of_the_deletion_only_deletes(rooms):
    rooms.b.machine.installed.pop("llama3.2:3b")
    rooms.operations._steps._deleting = _stand_still
    record = await rooms.operations.start("move", "llama3.2:3b", source="a", target="b")
    await rooms.until(record, lambda seen: seen.step == "deleting")
    assert "llama3.2:3b" in installed(rooms.a)
    rooms.b.requests.clear()
    await rooms.restart()
    assert (await rooms.ended(record)).state == "done" and "llama3.2:3b" not in installed(rooms.a)
    assert not rooms.b.bodies("/api/pull")


async def _stand_still(_work):
    await asyncio.Event().wait()


@pytest.mark.parametrize("where", ["a", "b"])
async def test_nothing_is_deleted_when_a_side_has_changed_since_it_was_verified(rooms, where):
    rooms.b.machine.installed.pop("llama3.2:3b")
    rooms.operations._steps._deleting = _stand_still
    record = await rooms.operations.start("move", "llama3.2:3b", source="a", target="b")
    await rooms.until(record, lambda seen: seen.step == "deleting")
    if where == "b":
        rooms.b.machine.installed.pop("llama3.2:3b")
    else:
        rooms.a.blobs.add("llama3.2:3b", b"tuned meanwhile")
    await rooms.restart()
    failed = await rooms.ended(record)
    assert (failed.state, failed.error["code"]) == ("failed", "conflict") and "llama3.2:3b" in installed(rooms.a)
    assert not rooms.a.bodies("/api/delete")


async def test_two_who_want_the_same_share_one_and_what_would_meet_it_is_refused_with_its_id(rooms):
    rooms.keyed.clear()
    rooms.keyed.add("a")  # with a key, and nobody who sends
    move = await rooms.operations.start("move", NAME, source="a", target="b")
    await rooms.until(move, lambda seen: seen.step == "copying")
    assert (await rooms.operations.start("move", NAME, source="a", target="b")).id == move.id
    for kind, where in (
        ("delete", {"machine": "a"}),
        ("install", {"machine": "b"}),
        ("duplicate", {"source": "a", "target": "b"}),
    ):
        with pytest.raises(Conflict, match=move.id):
            await rooms.operations.start(kind, NAME, **where)
    other = await rooms.operations.start("install", "tinyllama", machine="b")  # another model is nobody's matter
    assert (await rooms.ended(other)).state == "done"
    cancelled = await rooms.operations.cancel(move.id)
    assert cancelled.state == "cancelled" and cancelled.finished_at is not None
    assert (await rooms.operations.cancel(move.id)).state == "cancelled"
    assert (await rooms.ended(await rooms.operations.start("delete", NAME, machine="a"))).state == "done"


async def test_at_most_so_many_wait(tmp_path):
    async with Rooms(tmp_path) as rooms:
        rooms.pace = Pace(again=(), waiting=1)
        await rooms.restart()
        record = await rooms.operations.start("move", NAME, source="a", target="b")
        with pytest.raises(Overloaded, match="1 operations"):
            await rooms.operations.start("install", "tinyllama", machine="b")
        await rooms.operations.cancel(record.id)


async def test_names_that_nobody_knows_are_refused_with_the_nearest(rooms):
    with pytest.raises(NotFound) as machine:
        await rooms.operations.start("install", "tinyllama", machine="aa")
    assert "Near is a" in machine.value.hint
    for kind, where in (("delete", {"machine": "a"}), ("move", {"source": "a", "target": "b"}), ("deactivate", {})):
        with pytest.raises(ModelNotFound) as model:
            await rooms.operations.start(kind, "llama3.2:3", **where)
        assert "llama3.2:3b" in model.value.nearest
    with pytest.raises(InvalidField):
        await rooms.operations.start("install", "evil.example/a/b", machine="a")
    with pytest.raises(InvalidField) as same:
        await rooms.operations.start("move", NAME, source="a", target="a")
    assert same.value.field == "to"


async def test_another_version_at_the_target_is_not_overwritten(rooms):
    rooms.b.blobs.add(NAME, b"its own")
    with pytest.raises(Conflict, match="another version"):
        await rooms.operations.start("duplicate", NAME, source="a", target="b")


async def test_a_duplicate_that_is_there_is_nothing_to_do_and_a_move_of_it_only_deletes(rooms):
    record = await rooms.operations.start("duplicate", "llama3.2:3b", source="a", target="b")
    assert record.state == "done" and "nothing to do" in record.detail and rooms.operations.get(record.id) == record
    assert rooms.table[record.id]["state"] == "done"
    done = await rooms.ended(await rooms.operations.start("move", "llama3.2:3b", source="a", target="b"))
    assert done.state == "done" and not rooms.b.bodies("/api/pull") and "llama3.2:3b" not in installed(rooms.a)


async def test_a_machine_that_is_down_is_told_at_once(rooms):
    await rooms.b.stop()
    for kind, where in (("install", {"machine": "b"}), ("move", {"source": "a", "target": "b"})):
        with pytest.raises(ProviderUnreachable):
            await rooms.operations.start(kind, "llama3.2:3b", **where)
    with pytest.raises(ProviderUnreachable):  # it may have it
        await rooms.operations.start("deactivate", "nobody:1b")


async def test_a_machine_that_goes_down_is_tried_again_and_then_told(rooms):
    rooms.pace = Pace(again=(1.0, 2.0))
    await rooms.restart()
    record = await rooms.operations.start("delete", NAME, machine="a")
    await rooms.a.stop()
    failed = await rooms.ended(record)
    assert failed.state == "failed" and failed.error["code"] == "provider_unreachable" and failed.attempts == 3


async def test_deactivated_models_stay_on_the_disk_over_a_restart(rooms):
    done = await rooms.ended(await rooms.operations.start("deactivate", "llama3.2:3b"))
    assert done.state == "done" and "llama3.2:3b" in installed(rooms.a)
    assert rooms.a.bodies("/api/generate")[-1] == {"model": "llama3.2:3b", "keep_alive": 0}
    await rooms.restart()
    assert not rooms.activity.offers("llama3.2:3b") and rooms.activity.offers("gemma3:1b", "a")
    with pytest.raises(Conflict, match="every machine"):
        await rooms.operations.start("activate", "llama3.2:3b", machine="a")
    again = await rooms.operations.start("deactivate", "llama3.2:3b", machine="a")
    assert again.state == "done" and "nothing" in again.detail
    done = await rooms.ended(await rooms.operations.start("activate", "llama3.2:3b"))
    assert done.state == "done" and rooms.activity.offers("llama3.2:3b", "a")
    with pytest.raises(ModelNotFound):
        await rooms.operations.start("activate", "llama3.2:4b")


class Engine:
    """A machine that is no Ollama: names are taken as they are, and nothing leaves its memory."""

    def identify(self, model):
        return model

    def keep(self):
        self.kept = True

    async def names(self):
        return ["Qwen/Qwen3-8B", "casa"]

    async def unload(self, model):
        raise Conflict(f"{model} stays.")


async def test_models_of_every_kind_of_machine_are_switched_by_the_names_that_they_have_there(rooms):
    rooms.holders["lab"] = Engine()
    done = await rooms.ended(await rooms.operations.start("deactivate", "Qwen/Qwen3-8B"))
    assert (
        rooms.holders["lab"].kept
        and (done.state, done.model) == ("done", "Qwen/Qwen3-8B")
        and "memory of lab: Qwen/Qwen3-8B stays" in done.detail
    )
    assert rooms.activity.marks == {("Qwen/Qwen3-8B", None)}
    done = await rooms.ended(await rooms.operations.start("activate", "Qwen/Qwen3-8B"))
    assert done.state == "done" and not rooms.activity.marks
    rooms.a.blobs.add("casa:latest", b"weights")
    for machine, name in (("a", "casa:latest"), ("lab", "casa"), (None, "casa")):
        done = await rooms.ended(await rooms.operations.start("deactivate", "casa", machine=machine))
        assert done.model == name and rooms.activity.marks == {(name, machine)}
        await rooms.ended(await rooms.operations.start("activate", "casa", machine=machine))
    with pytest.raises(ModelNotFound) as refused:
        await rooms.operations.start("deactivate", "Qwen/Qwen3-8")
    assert [*refused.value.nearest] == ["Qwen/Qwen3-8B"] and not rooms.activity.marks
    with pytest.raises(NotFound):
        await rooms.operations.start("deactivate", "casa", machine="nowhere")
    with pytest.raises(InvalidField):  # its files are not ours
        await rooms.operations.start("delete", "Qwen/../Qwen3-8B", machine="a")


async def test_a_deactivation_holds_where_a_machine_does_not_answer(rooms):
    await rooms.b.stop()
    done = await rooms.ended(await rooms.operations.start("deactivate", "llama3.2:3b"))
    assert done.state == "done" and "memory of b" in done.detail and not rooms.activity.offers("llama3.2:3b", "b")


async def test_a_mark_moves_with_its_model_and_goes_with_it(rooms):
    rooms.b.machine.installed.pop("llama3.2:3b")
    await rooms.ended(await rooms.operations.start("deactivate", "llama3.2:3b", machine="a"))
    await rooms.ended(await rooms.operations.start("move", "llama3.2:3b", source="a", target="b"))
    assert rooms.activity.offers("llama3.2:3b", "a") and not rooms.activity.offers("llama3.2:3b", "b")
    await rooms.ended(await rooms.operations.start("delete", "llama3.2:3b", machine="b"))
    assert rooms.activity.marks == frozenset()


async def test_a_key_that_is_revoked_ends_the_work_that_waits_for_it(rooms):
    async with Sender(rooms) as sender:
        sender.gate.clear()
        record = await rooms.operations.start("move", NAME, source="a", target="b")
        await rooms.until(record, lambda seen: seen.step == "copying")
        async with asyncio.timeout(5):
            await sender.began.wait()
        rooms.keyed.clear()
        rooms.agents.revoke("a")
        failed = await rooms.ended(record)
    assert (failed.state, failed.error["code"]) == ("failed", "agent_missing") and "revoked" in failed.error["message"]
    assert NAME in installed(rooms.a)


async def test_an_agent_that_never_comes_is_told(tmp_path):
    async with Rooms(tmp_path, patience=0.05) as rooms:
        failed = await rooms.ended(await rooms.operations.start("move", NAME, source="a", target="b"))
        assert (failed.state, failed.error["code"]) == ("failed", "provider_timeout") and "fleet.agent" in failed.error["hint"]


async def test_two_copies_that_want_the_same_file_wait_for_it_together(rooms):
    rooms.a.blobs.add("casa:2b", WEIGHTS, **TEXTS)
    async with Sender(rooms) as sender:
        first = await rooms.operations.start("duplicate", NAME, source="a", target="b")
        second = await rooms.operations.start("duplicate", "casa:2b", source="a", target="b")
        assert [(await rooms.ended(record)).state for record in (first, second)] == ["done", "done"]
    assert sender.digests.count(digest_of(WEIGHTS)) == 1
    assert {NAME, "casa:2b"} <= installed(rooms.b) and list((rooms.folder / "spool").iterdir()) == []


async def test_bytes_that_arrive_after_the_end_are_not_kept(rooms):
    record = await rooms.operations.start("move", NAME, source="a", target="b")
    task = await rooms.agents.next("a", 5)
    manifest = rooms.a.machine.installed[NAME].manifest

    async def pieces():
        yield manifest[:10]
        await rooms.operations.cancel(record.id)
        yield manifest[10:]

    with pytest.raises(NotFound, match="over"):
        await rooms.agents.receive("a", task.id, 0, len(manifest), pieces())
    assert list((rooms.folder / "spool").iterdir()) == []


async def test_a_server_that_stops_ends_the_long_questions_of_agents(rooms):
    waiting = asyncio.create_task(rooms.agents.next("a", 60))
    await asyncio.sleep(0)
    rooms.agents.close()
    async with asyncio.timeout(5):
        assert await waiting is None


async def test_a_model_that_somebody_else_deletes_at_the_same_time_is_deleted(rooms):
    """The other one is faster after it was seen, so that Ollama does not know it any more."""
    unload = rooms.ports["a"].unload

    async def overtaken(model):
        rooms.a.machine.installed.pop(NAME, None)
        await unload(model)

    rooms.ports["a"].unload = overtaken
    done = await rooms.ended(await rooms.operations.start("delete", NAME, machine="a"))
    assert done.state == "done" and done.error is None
