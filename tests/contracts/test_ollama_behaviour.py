"""What Ollama's scheduler does to its clients when nobody stands in front of it: each test shows one harm."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.ollama_cards import Cards, Environment
from tests.fakes.ollama_models import GIB, FakeModel
from tests.fakes.ollama_options import FOREVER
from tests.fakes.ollama_simulation import Simulation, Visit

BANDWIDTH = 2e9


def model(name: str, gib: float, **more: object) -> FakeModel:
    return FakeModel(name, int(gib * GIB), "8B", **more)


A, B, C = model("a:latest", 14), model("b:latest", 14), model("c:latest", 14)
SMALL, TINY = model("small:latest", 2), model("tiny:latest", 1)


def machine(vram: float = 24, environment: Environment = Environment(context_length=4096), **cards: float) -> Simulation:
    """One card that loads 2 GB a second; a load of A, B or C takes seven and a half seconds."""
    return Simulation(Cards(vram=int(vram * GIB), bandwidth=BANDWIDTH, recovery=1.0, **cards), environment)


def loads(simulation: Simulation, of: FakeModel | None = None) -> int:
    return sum(event.what == "loaded" and of in (None, event_model(event.model)) for event in simulation.scheduler.history)


def event_model(name: str) -> FakeModel:
    return {one.name: one for one in (A, B, C, SMALL, TINY)}[name]


def happened(simulation: Simulation, what: str) -> list[str]:
    return [event.model for event in simulation.scheduler.history if event.what == what]


def names(simulation: Simulation) -> list[str]:
    return sorted(runner.model.name for runner in simulation.scheduler.residents())


def in_order(visits: Sequence[Visit]) -> bool:
    started = [visit.started for visit in visits]
    return started == sorted(started)


def test_a_requests_that_alternate_cost_a_swap_each() -> None:
    one = machine()
    visits = [one.arrive(0.001 * number, A if number % 2 == 0 else B) for number in range(20)]
    one.run(until=3600)
    assert loads(one) == 20 and in_order(visits)
    collated = machine()
    for number in range(20):
        collated.arrive(0.001 * number, A if number < 10 else B)
    collated.run(until=3600)
    assert loads(collated) == 2, "the same questions in another order"


def test_a_a_small_model_waits_behind_the_load_of_a_large_one() -> None:
    one = machine(vram=40)
    one.arrive(0, A)
    small = one.arrive(0.1, SMALL)
    one.run(until=100)
    assert small.wait > A.size / BANDWIDTH, "its own load takes a second"


def test_b_who_keeps_asking_for_the_victim_starves_the_next_model() -> None:
    one = machine()
    stream = [one.arrive(0.5 * number, A, seconds=1.0) for number in range(600)]
    starved = one.arrive(10, B)
    one.run(until=290)
    assert starved.started is None and sum(visit.started is not None for visit in stream) > 250
    one.run(until=900)
    assert starved.wait > 290, "only the end of the stream lets it in"


@pytest.mark.parametrize(("keep_alive", "wait"), [(None, 30), (300.0, 320)])
def test_c_a_keep_alive_on_the_victim_arms_its_lease_again(keep_alive: float | None, wait: float) -> None:
    one = machine()
    one.arrive(0, A, seconds=10)
    waiting = one.arrive(8, B)
    one.arrive(9, A, seconds=1, keep_alive=keep_alive)
    one.run(until=2000)
    assert wait - 22 < waiting.wait < wait + 22


def test_c_a_pinned_busy_victim_blocks_every_swap() -> None:
    one = machine()
    one.arrive(0, A, seconds=10)
    waiting = one.arrive(8, B)
    one.arrive(9, A, seconds=1, keep_alive=FOREVER)
    behind = one.arrive(20, SMALL)
    one.run(until=100_000)
    assert waiting.started is None and behind.started is None and names(one) == [A.name]
    one.at(100_001, lambda: one.scheduler.unload(A, one.now))
    one.run(until=100_100)
    assert waiting.started is not None and behind.started is not None


def test_d_an_idle_model_that_was_pinned_goes_before_a_busy_one() -> None:
    one = machine(vram=20)
    one.arrive(0, SMALL, load=True, keep_alive=FOREVER)
    one.arrive(5, model("c:latest", 10), seconds=600)
    one.arrive(30, model("b:latest", 10))
    one.run(until=60)
    assert happened(one, "leaving")[0] == SMALL.name and SMALL.name not in names(one)


def test_d_the_fourth_model_has_no_place_however_small() -> None:
    one = machine(vram=80)
    pinned = [model(f"{name}:latest", 1) for name in "wxyz"]
    for number, each in enumerate(pinned):
        one.arrive(number * 5, each, load=True, keep_alive=FOREVER)
    one.run(until=60)
    assert len(names(one)) == 3 and pinned[3].name in names(one)


def test_e_a_load_that_runs_out_of_memory_takes_all_others_with_it() -> None:
    one = machine(vram=40)
    one.arrive(0, SMALL, load=True, keep_alive=FOREVER)
    one.arrive(5, TINY, load=True, keep_alive=FOREVER)
    one.scheduler.oom_loads[A.name] = 1
    visit = one.arrive(10, A)
    one.run(until=60)
    assert sorted(happened(one, "unloaded")) == [SMALL.name, TINY.name] and visit.outcome == "go" and names(one) == [A.name]


def test_e_running_out_of_memory_later_takes_all_models() -> None:
    one = machine(vram=40)
    one.arrive(0, SMALL, load=True, keep_alive=FOREVER)
    busy = one.arrive(5, TINY, seconds=50, keep_alive=FOREVER)
    visit = one.arrive(10, A, seconds=50)
    one.at(25, lambda: one.scheduler.run_out(A, one.now))
    one.run(until=40)
    assert visit.outcome == "oom" and names(one) == [TINY.name], "the busy one may end its work"
    one.run(until=70)
    assert busy.ended is not None and names(one) == []


def test_e_who_comes_with_a_lease_then_cannot_keep_a_model() -> None:
    one = machine(vram=40, environment=Environment(context_length=4096, num_parallel=2))
    one.arrive(0, TINY, seconds=50)
    one.arrive(5, A, seconds=50)
    one.at(25, lambda: one.scheduler.run_out(A, one.now))
    one.arrive(30, TINY, keep_alive=FOREVER)
    one.run(until=70)
    assert names(one) == []


def test_f_a_model_that_is_too_large_evicts_everybody_and_then_runs_on_the_processor() -> None:
    one = machine(vram=16)
    for number, each in enumerate((SMALL, TINY)):
        one.arrive(number * 5, each, load=True, keep_alive=FOREVER)
    visit = one.arrive(20, model("huge:latest", 30))
    one.run(until=120)
    (runner,) = one.scheduler.residents()
    assert visit.outcome == "go" and happened(one, "unloaded") and 0 < runner.vram < runner.size


def test_f_all_layers_for_the_card_is_an_error_instead() -> None:
    one = machine(vram=16)
    visit = one.arrive(0, model("huge:latest", 30), num_gpu=999)
    one.run(until=60)
    assert visit.outcome == "oom" and names(one) == []


@pytest.mark.parametrize(("vram", "options"), [(0, {}), (24, {"num_gpu": 0})])
def test_g_nobody_looks_at_the_memory_of_the_processor(vram: float, options: dict[str, int]) -> None:
    one = machine(vram=vram)
    for number in range(3):
        one.arrive(number * 200, model(f"m{number}:latest", 100), load=True, keep_alive=FOREVER, **options)
    one.run(until=700)
    assert sum(runner.size for runner in one.scheduler.residents()) > 300 * GIB
    assert all(runner.vram == 0 for runner in one.scheduler.residents())


def test_h_a_runner_that_hangs_with_a_question_inside_blocks_the_line_until_the_client_leaves() -> None:
    one = machine()
    inside = one.arrive(0, A, seconds=30)
    one.at(10, lambda: one.scheduler.hang(A))
    other = one.arrive(12, B)
    one.run(until=50_000)
    assert inside.ended is None and other.started is None
    one.hang_up(50_001, inside)
    one.run(until=50_100)
    assert other.wait > 49_000 and other.outcome == "go"


def test_h_the_ping_of_a_hung_runner_holds_up_the_list() -> None:
    one = machine()
    one.arrive(0, A, seconds=1)
    one.at(20, lambda: one.scheduler.hang(A))
    again = one.arrive(30, A)
    one.run(until=31)
    assert one.scheduler.answers_at(31) == 40
    one.run(until=100)
    assert again.outcome == "go" and loads(one, A) == 2, "an idle one that hangs is found out and loaded anew"


def test_i_a_load_dies_with_the_client_that_began_it() -> None:
    one = machine()
    first, second = one.arrive(0, A), one.arrive(1, A)
    one.hang_up(7, first)
    one.run(until=60)
    assert happened(one, "aborted") == [A.name]
    assert second.wait == pytest.approx(6 + A.size / BANDWIDTH), "it begins at zero although most of it was read"


def test_j_the_overhead_that_was_set_aside_is_not() -> None:
    one = machine(environment=Environment(gpu_overhead=12 * GIB))
    one.arrive(0, A, load=True)
    one.run(until=60)
    assert one.scheduler.used > 24 * GIB - 12 * GIB and one.scheduler.residents()[0].options.num_ctx == 4096


def test_k_memory_that_another_program_took_is_not_seen() -> None:
    one = machine(vram=24)
    one.arrive(0, SMALL, load=True, keep_alive=FOREVER)
    one.at(5, lambda: setattr(one.scheduler.cards, "foreign", 12 * GIB))
    visit = one.arrive(10, model("b:latest", 12))
    one.run(until=60)
    spilled = [runner for runner in one.scheduler.residents() if 0 < runner.vram < runner.size]
    assert visit.outcome == "go" and [runner.model.name for runner in spilled] == ["b:latest"]


def test_k_what_was_taken_before_the_first_load_is_seen() -> None:
    one = machine(vram=24)
    one.at(5, lambda: setattr(one.scheduler.cards, "foreign", 12 * GIB))
    one.arrive(10, SMALL, load=True)
    one.arrive(20, model("b:latest", 12))
    one.run(until=60)
    assert happened(one, "unloaded") == [SMALL.name]


def test_who_comes_while_a_runner_is_being_killed_waits_for_another_one() -> None:
    one = machine(probe=3.0)
    one.arrive(0, SMALL, keep_alive=10)
    end = 2 * GIB / BANDWIDTH + 1 + 10
    visits = [one.arrive(end + 1, each, seconds=30) for each in (SMALL, TINY, SMALL)]
    one.run(until=end + 2.9)
    assert all(visit.started is None for visit in visits) and one.scheduler.answers_at(one.now) == pytest.approx(end + 3)
    one.run(until=end + 10)
    assert visits[0].started == pytest.approx(end + 3 + 2 * GIB / BANDWIDTH), "killed and loaded anew"
    assert loads(one, SMALL) == 2


def test_the_line_is_full_at_its_cap_but_a_loaded_model_is_served() -> None:
    one = machine(environment=Environment(max_queue=2, num_parallel=4, context_length=4096))
    one.arrive(0, SMALL, load=True)
    one.run(until=5)
    head = one.arrive(6, A)
    queued, refused = [one.arrive(6.1, A) for _ in range(2)], one.arrive(6.2, A)
    passing = one.arrive(6.3, SMALL)
    one.run(until=60)
    assert refused.outcome == "busy" and passing.wait == 0 and all(visit.outcome == "go" for visit in (head, *queued))


def test_the_rule_of_eighty_per_cent() -> None:
    """Of 22 GiB free a second model of 19 fits, but only what is predicted below 17.6 is let in."""
    for gib, left in ((16, True), (18.5, False)):
        one = machine(vram=24)
        one.arrive(0, TINY, load=True, keep_alive=FOREVER)
        one.arrive(10, model("b:latest", gib))
        one.run(until=60)
        assert (TINY.name in names(one)) is left


def test_slots_are_given_in_the_order_of_arrival() -> None:
    one = machine(environment=Environment(num_parallel=2))
    visits = [one.arrive(0.01 * number, SMALL, seconds=4) for number in range(6)]
    one.run(until=100)
    starts = [visit.started for visit in visits]
    assert in_order(visits) and starts[2] - starts[0] == pytest.approx(4) and starts[4] - starts[0] == pytest.approx(8)
    embedder = machine(environment=Environment(num_parallel=2))
    vectors = [embedder.arrive(0, model("e:latest", 1, capabilities=("embedding",)), seconds=4) for _ in range(2)]
    embedder.run(until=100)
    assert vectors[1].wait - vectors[0].wait == pytest.approx(4), "embedders have one slot"


@pytest.mark.parametrize(
    ("first", "second", "reloads"),
    [
        ({"num_ctx": 8192}, {"num_ctx": 8192, "temperature": 1}, False),
        ({"num_ctx": 8192}, {"num_ctx": 4096}, True),
        ({"num_ctx": 8192}, {}, True),
        ({"num_ctx": 4096}, {}, False),
        ({"num_ctx": 99_999}, {"num_ctx": 32_768}, False),
        ({}, {"num_gpu": 0}, True),
        ({"num_gpu": 0}, {}, False),
        ({"num_gpu": 0}, {"num_gpu": -1}, False),
        ({"num_gpu": 0}, {"num_gpu": 999}, True),
        ({}, {"num_batch": 512}, False),
        ({}, {"num_batch": 256}, True),
        ({}, {"main_gpu": 1}, True),
        ({}, {"num_thread": 4}, True),
        ({}, {"use_mmap": False}, True),
        ({"use_mmap": False}, {}, True),
        ({}, {"draft_num_predict": 8}, True),
        ({"shift": False}, {}, True),
        ({"shift": True}, {}, False),
        ({"shift": False, "num_ctx": 8192}, {"num_ctx": 8192}, False),
    ],
)
def test_options_that_load_a_model_anew(first: dict[str, object], second: dict[str, object], reloads: bool) -> None:
    one = machine()
    one.arrive(0, SMALL, **first)
    one.arrive(20, SMALL, **second)
    one.run(until=60)
    assert loads(one) == 1 + reloads


def test_names_that_share_a_file_share_a_runner() -> None:
    one = machine()
    one.arrive(0, SMALL)
    alias = one.arrive(10, FakeModel("alias:latest", SMALL.size, "8B", weights=SMALL.name))
    one.run(until=20)
    assert alias.wait == 0 and names(one) == [SMALL.name]


def test_a_lease_ends_when_nobody_came() -> None:
    one = machine()
    one.arrive(0, SMALL, keep_alive=60)
    one.arrive(50, SMALL, load=True)
    one.run(until=109)
    assert names(one) == [SMALL.name], "a load of a loaded model renews the lease"
    one.run(until=112)
    assert names(one) == []


def test_an_unload_waits_for_the_work_inside_and_does_not_stop_a_load() -> None:
    one = machine()
    visit = one.arrive(0, A, seconds=20)
    one.at(1, lambda: one.scheduler.unload(A, one.now))
    one.at(10, lambda: one.scheduler.unload(A, one.now))
    one.run(until=27)
    assert visit.outcome == "go" and names(one) == [A.name]
    one.run(until=29)
    assert visit.ended is not None and names(one) == []


def test_a_crashed_model_stays_in_the_list_until_its_next_use() -> None:
    one = machine()
    visit = one.arrive(0, A, seconds=50)
    one.at(20, lambda: one.scheduler.crash(A, one.now))
    one.run(until=30)
    assert visit.outcome == "cut" and names(one) == [A.name] and one.scheduler.used == 0
    again = one.arrive(40, A)
    one.run(until=60)
    assert again.outcome == "go" and loads(one, A) == 2


def test_the_memory_comes_back_later_than_the_list_says() -> None:
    one = machine()
    one.arrive(0, A, keep_alive=5)
    one.run(until=30)
    left = next(event.at for event in one.scheduler.history if event.what == "unloaded")
    again = machine()
    again.arrive(0, A, keep_alive=5)
    again.run(until=left + 0.5)
    assert names(again) == [] and again.scheduler.used > 14 * GIB
    again.run(until=left + 1)
    assert again.scheduler.used == 0


def test_a_context_that_nobody_asked_for_is_lowered_when_the_memory_is_not_enough() -> None:
    for options, outcome, contexts in (({}, "go", [16384]), ({"num_ctx": 32768}, "oom", [])):
        one = machine(environment=Environment(context_length=32768))
        one.scheduler.oom_loads[SMALL.name] = 1
        visit = one.arrive(0, SMALL, **options)
        one.run(until=30)
        assert visit.outcome == outcome and [runner.options.num_ctx for runner in one.scheduler.residents()] == contexts


def test_a_restart_ends_everything() -> None:
    one = machine()
    visits = [one.arrive(0, A, seconds=50), one.arrive(1, B), one.arrive(2, C)]
    one.at(20, lambda: one.scheduler.restart(one.now))
    one.run(until=30)
    assert [visit.outcome for visit in visits] == ["gone"] * 3 and names(one) == []
    later = one.arrive(40, C)
    one.run(until=60)
    assert later.outcome == "go"


def test_what_ollama_predicts_and_what_it_takes() -> None:
    """f16 in the estimate whatever the cache is, and no projector."""
    seeing = FakeModel("v:latest", 5 * GIB, "8B", projector=GIB)
    assert seeing.predicted(8192, 1024) == 4 * GIB + 8192 * 26 * 2 * 4 * 128 * 2 + (768 << 20)
    assert seeing.kv_bytes(8192, 2, "q8_0") == 2 * 8192 * 26 * 2 * 4 * 128 * 1.0625


VISITS = st.lists(
    st.tuples(
        st.floats(0, 200), st.sampled_from((A, B, C, SMALL, TINY)), st.floats(0, 30), st.sampled_from((None, 0.0, 5.0, 300.0)),
        st.booleans(), st.sampled_from(({}, {"num_gpu": 0}, {"num_ctx": 8192}, {"num_gpu": 999})), st.floats(0, 400) | st.none(),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(VISITS, st.lists(st.tuples(st.floats(0, 200), st.sampled_from(("crash", "run_out", "restart"))), max_size=3))
def test_whatever_happens_everybody_gets_an_end_and_the_card_holds_what_it_can(visits: list, accidents: list) -> None:
    one = machine()

    def accident(verb: str) -> None:
        if verb == "restart":
            one.scheduler.restart(one.now)
        elif residents := one.scheduler.residents():
            getattr(one.scheduler, verb)(residents[0].model, one.now)

    made = []
    for when, asked, seconds, keep_alive, load, options, gone in visits:
        made.append(one.arrive(when, asked, seconds, keep_alive=keep_alive, load=load, **options))
        if gone is not None:
            one.hang_up(when + gone, made[-1])
    for when, verb in accidents:
        one.at(when, lambda verb=verb: accident(verb))
    for second in range(0, 2000, 7):
        one.run(until=second)
        assert one.scheduler.used <= one.scheduler.cards.vram
        assert all(len(runner.busy) <= runner.slots for runner in one.scheduler.residents())
    one.run()
    assert all(visit.ended is not None for visit in made) and names(one) == [] and one.scheduler.used == 0
