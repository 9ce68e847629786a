"""Figures of arms: counted and ranked as by hand, whatever else is in the audit."""

import math
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from models import Stage, calls
from store.calls import Calls, Sums
from store.outcomes import Outcomes
from tests.unit.store.test_calls import PLAIN, RECORDS, START

NAMES = ("p", "p@staging")


def ranked(times, share):
    times = sorted(time for time in times if time is not None)
    return times[math.ceil(len(times) * share) - 1] if times else None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(st.builds(lambda record, name: record._replace(model=name), RECORDS, st.sampled_from([*NAMES, "else"])), max_size=30),
    key=st.none() | st.just("a"),
)  # fmt: skip
async def test_each_arm_has_its_counts_sums_and_percentiles(database, records, key):
    await database.write(lambda connection: connection.execute(delete(calls)) and None)
    await Calls(database).add(records, Sums())
    arms = defaultdict(list)
    for one in records:
        if one.model in NAMES and one.created_at >= START + 86400 and key in (None, one.key_id):
            arms[one.model, one.provider, one.served].append(one)
    rows = await Outcomes(database).calls(*NAMES, START + 86400, key)
    assert {(row["model"], row["provider"], row["served"]) for row in rows} == set(arms)
    for row in rows:
        mine = arms[row["model"], row["provider"], row["served"]]
        good = [one for one in mine if one.outcome == "ok"]
        assert (row["calls"], row["ok"]) == (len(mine), len(good))
        assert row["error"] + row["client_closed"] == len(mine) - len(good)
        assert row["output_text"] == sum(one.output_text for one in mine)
        assert (row["cost"] or 0) == sum(one.cost or 0 for one in mine)
        for share, suffix in ((0.5, "p50"), (0.95, "p95")):
            assert row[f"ms_{suffix}"] == ranked([one.ms for one in good], share)
            assert row[f"first_{suffix}"] == ranked([one.ttft_ms for one in good], share)


@pytest.mark.parametrize("change", [{"served": ""}, {"operation": "count_tokens"}, {"model": "else"}])
async def test_what_no_arm_answered_is_none_of_its_calls(database, change):
    await Calls(database).add([PLAIN._replace(**{"model": "p"} | change)], Sums())
    assert await Outcomes(database).calls(*NAMES, 0.0, None) == []


async def ended(jobs, job_id, *, error=None, sought=0, grounded=0):
    for stage in (Stage.EXTRACTION, Stage.MODEL):
        await jobs.claim(job_id, stage, "boot")
        if error and stage is Stage.MODEL:
            await jobs.fail(job_id, stage, "boot", {"code": error, "message": "", "hint": None, "retryable": True})
            return
        await jobs.advance(job_id, stage, "boot", {}, [(1, b"[1]")])
    await jobs.claim(job_id, Stage.FORMATTING, "boot")
    await jobs.advance(job_id, Stage.FORMATTING, "boot", {"values_sought": sought, "values_grounded": grounded})


async def asked(database, job_id, served="a", model="p", **more):
    record = PLAIN._replace(model=model, served=served, request_id=job_id, front="documents", provider="box", **more)
    await Calls(database).add([record], Sums())


async def judged(database, key=None):
    rows = await Outcomes(database).documents(*NAMES, 0.0, key)
    return {row["served"]: (row["documents"], row["valid"], row["sought"], row["grounded"]) for row in rows}


async def test_documents_are_judged_by_the_model_that_answered_them(database, jobs, values):
    for number, served in enumerate("aab", start=1):
        await jobs.create(values(number))
        await asked(database, f"{number:032x}", served)
        await asked(database, f"{number:032x}", served)
    await ended(jobs, f"{1:032x}", sought=3, grounded=2)
    await ended(jobs, f"{2:032x}", error="invalid_answer")
    await ended(jobs, f"{3:032x}", sought=4, grounded=4)
    assert await judged(database) == {"a": (2, 1, 3, 2), "b": (1, 1, 4, 4)}
    assert await judged(database, "somebody else") == {}


async def test_other_failures_say_nothing_of_the_model(database, jobs, values):
    await jobs.create(values())
    await asked(database, f"{1:032x}")
    await ended(jobs, f"{1:032x}", error="provider_unreachable")
    assert await judged(database) == {}


async def test_a_job_that_was_tried_again_counts_once_for_who_answered_last(database, jobs, values):
    await jobs.create(values())
    await asked(database, f"{1:032x}", "a")
    await ended(jobs, f"{1:032x}", error="invalid_answer")
    await jobs.retry(f"{1:032x}", None, None)
    await asked(database, f"{1:032x}", "b")
    await jobs.claim(f"{1:032x}", Stage.MODEL, "boot")
    await jobs.advance(f"{1:032x}", Stage.MODEL, "boot", {})
    await jobs.claim(f"{1:032x}", Stage.FORMATTING, "boot")
    await jobs.advance(f"{1:032x}", Stage.FORMATTING, "boot", {"values_sought": 2, "values_grounded": 1})
    assert await judged(database) == {"b": (1, 1, 2, 1)}


async def test_the_verdict_outlives_its_job_and_goes_with_the_calls(database, jobs, values, ticking):
    ticking.time = START
    await jobs.create(values())
    await asked(database, f"{1:032x}")
    await ended(jobs, f"{1:032x}", sought=1, grounded=1)
    await jobs.erase([f"{1:032x}"])
    assert await judged(database) == {"a": (1, 1, 1, 1)}
    await Calls(database).forget(START + 1, 0)
    await asked(database, f"{1:032x}")
    assert await judged(database) == {}


async def test_the_times_of_refusals_are_no_times(database):
    good = PLAIN._replace(model="p", ms=100.0, ttft_ms=None)
    bad = PLAIN._replace(model="p", ms=1.0, ttft_ms=0.5, outcome="error")
    await Calls(database).add([good, bad, bad], Sums())
    (row,) = await Outcomes(database).calls(*NAMES, 0.0, None)
    assert (row["calls"], row["ms_p50"], row["ms_p95"], row["first_p50"]) == (3, 100.0, 100.0, None)
