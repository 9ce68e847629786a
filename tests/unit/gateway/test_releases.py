"""Deployments that are changed and kept: what is heard is what is stored, and refusals name their field."""

import asyncio

import pytest

from core.errors import Conflict, InvalidField, ModelNotFound, NotFound, ProviderNotConfigured, ProviderUnreachable
from gateway.catalogue import Catalogue
from gateway.releases import open_releases
from tests.unit.gateway.scripted import LOCAL, Scripted, model


class Street:
    """A catalogue of one local provider and what is deployed over it."""

    def __init__(self, database, clock):
        self.database, self.clock = database, clock
        self.box = Scripted("box", LOCAL, [model("a:1b"), model("b:8b")])
        self.far = Scripted("far", LOCAL, ProviderUnreachable("Far is down."))
        self.catalogue = Catalogue(
            {"box": self.box, "far": self.far},
            clock=clock,
            aliases={"mine": "a:1b", "idle": "gone:1b"},
            missing={"openai": "OPENAI_API_KEY"},
        )

    async def open(self):
        await self.catalogue.listing("box", fresh=True)
        self.releases, self.outcomes = await open_releases(self.database, self.catalogue, self.clock)
        return self

    async def put(self, alias, *arms, stage="production", note="", sticky="key"):
        return await self.releases.put(alias, arms, stage=stage, sticky=sticky, note=note, by="operator")

    def led(self, alias):
        return self.catalogue.names.resolve(alias).model


@pytest.fixture
async def street(database, clock):
    return await Street(database, clock).open()


async def moves(street, alias):
    return [(row["move"], row["stage"], row["version"]) for row in await street.releases.moves(alias, 10)]


async def test_a_deployment_is_heard_at_once_and_after_a_restart(street, database, clock):
    made = await street.put("x", ("a:1b", 9), ("box/b:8b", 1))
    assert [arm.model for arm in made.live.arms] == ["box/a:1b", "box/b:8b"], "whole names: they lead to nothing else later"
    assert street.led("x") == "a:1b"
    await street.put("x", ("b:8b", 1), stage="staging", note="better")
    again = await Street(database, clock).open()
    assert again.releases.get("x") == street.releases.get("x")
    assert (again.led("x"), again.led("x@staging")) == ("a:1b", "b:8b")
    assert (await again.releases.promote("x", None, "operator")).live.note == "better"
    assert again.led("x") == "b:8b"
    await again.releases.roll_back("x", None, "operator")
    assert again.led("x") == "a:1b"
    assert [one.number for one in (await Street(database, clock).open()).releases.get("x").later] == [2]
    assert await moves(again, "x") == [
        ("rollback", "production", 1), ("promote", "production", 2), ("put", "staging", 2), ("put", "production", 1),
    ]  # fmt: skip


async def test_the_same_once_more_is_no_version(street):
    first = await street.put("x", ("a:1b", 1))
    assert await street.put("x", ("box/a:1b", 1)) == first
    assert len(await moves(street, "x")) == 1
    assert (await street.put("x", ("a:1b", 1), sticky="request")).live.number == 2


async def test_what_is_deleted_leads_nowhere_and_its_numbers_go_on(street):
    await street.put("x", ("a:1b", 1))
    await street.releases.delete("x", "operator")
    with pytest.raises(ModelNotFound):
        street.led("x")
    for gone in (
        street.releases.delete("x", "o"),
        street.releases.promote("x", None, "o"),
        street.releases.roll_back("x", None, "o"),
    ):
        with pytest.raises(NotFound):
            await gone
    assert (await street.put("x", ("a:1b", 1))).live.number == 2
    assert [move for move, _, _ in await moves(street, "x")] == ["put", "delete", "put"]


async def test_changes_at_the_same_time_are_all_kept(street):
    await asyncio.gather(*(street.put("x", ("a:1b", weight)) for weight in range(1, 11)))
    one = street.releases.get("x")
    assert sorted(version.number for version in one.released) == list(range(1, 11))


@pytest.mark.parametrize("alias", ["a:1b", "mine", "idle", "auto", "builtin"])
async def test_a_name_that_means_something_is_not_taken(street, alias):
    with pytest.raises(Conflict) as caught:
        await street.put(alias, ("b:8b", 1))
    assert caught.value.field == "alias" and caught.value.hint


async def test_a_deployment_can_be_changed_when_a_model_of_its_name_came_later(street, ticking):
    await street.put("c:2b", ("a:1b", 1))
    ticking.time += 1
    street.box.models = [model("a:1b"), model("b:8b"), model("c:2b")]
    await street.catalogue.listing("box", fresh=True)
    await street.put("c:2b", ("b:8b", 1))
    assert street.led("c:2b") == "b:8b"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("x", InvalidField), ("other", InvalidField), ("other@staging", InvalidField), ("mine", InvalidField),
        ("auto", InvalidField), ("a:1bb", ModelNotFound), ("box/a:1bb", ModelNotFound), ("openai/gpt", ProviderNotConfigured),
    ],
)  # fmt: skip
async def test_an_arm_is_a_model_that_there_is(street, name, error):
    await street.put("other", ("a:1b", 1), stage="staging")
    with pytest.raises(error) as caught:
        await street.put("x", ("b:8b", 1), (name, 1))
    assert caught.value.field == "targets.1.model" and caught.value.hint
    if error is ModelNotFound:
        assert "a:1b" in caught.value.nearest
    assert "x" not in {one.alias for one in street.releases.all()}


async def test_a_model_that_came_this_moment_is_found(street, ticking):
    ticking.time += 1
    street.box.models = [model("a:1b"), model("c:2b")]
    assert (await street.put("x", ("box/c:2b", 1))).live.arms[0].model == "box/c:2b"


async def test_a_provider_that_does_not_answer_is_believed(street):
    assert (await street.put("x", ("far/anything", 1))).live.arms[0].model == "far/anything"


@pytest.mark.parametrize(
    ("arms", "field"), [([("a:1b", 0), ("b:8b", 0.0)], "targets"), ([("a:1b", 1), ("box/a:1b", 1)], "targets.1.model")]
)
async def test_weights_add_up_and_no_model_comes_twice(street, arms, field):
    with pytest.raises(InvalidField) as caught:
        await street.put("x", *arms)
    assert caught.value.field == field


async def test_a_caller_sees_what_leads_to_a_model_of_his(street):
    await street.put("x", ("a:1b", 1))
    await street.put("y", ("b:8b", 1))

    def allows(_provider, name):
        return name == "b:8b"

    assert [one.alias for one in street.releases.all(allows)] == ["y"]
    with pytest.raises(NotFound) as caught:
        street.releases.get("x", allows)
    assert "x" not in (caught.value.hint or "").replace("lists", "")
