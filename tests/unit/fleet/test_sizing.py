"""Workers from figures, with a reason that a person can check."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.hardware import Figure, Hardware
from fleet.sizing import size

GIB = 1 << 30


def machine(cores=4.0, available=16.0):
    return Hardware(
        Figure(cores, "processor affinity"),
        Figure(32 * GIB, "memory of the machine"),
        Figure(available * GIB, "memory of the machine"),
    )


@pytest.mark.parametrize(
    ("cores", "available", "workers"),
    [(4, 16, 4), (4, 3.8, 3), (1.5, 16, 1), (0.5, 16, 1), (8, 0.4, 1), (2, 2, 2), (2, 1.999, 1), (128, 512, 64), (2.9, 100, 2)],
)
def test_extraction_follows_cores_and_memory(cores, available, workers):
    assert size(machine(cores, available)).extraction.count == workers


def test_the_reason_shows_the_figures():
    why = size(machine(2, 3.8)).extraction.why
    assert "2 usable cores" in why and "2 extraction workers" in why and "3.8 GiB" in why and "allows 3 at 1 GiB each" in why
    assert "allows only 1" in size(machine(4, 1.5)).extraction.why
    assert "less than one reader" in size(machine(4, 0.5)).extraction.why
    assert "1 usable core (" in size(machine(1, 4)).extraction.why


def test_a_smaller_reader_lets_more_work():
    assert size(machine(4, 1), parser_memory=GIB // 4).extraction.count == 4


@pytest.mark.parametrize(("local", "cloud", "workers"), [(True, False, 2), (False, True, 6), (True, True, 8), (False, False, 4)])
def test_model_workers_follow_the_kind_of_provider(local, cloud, workers):
    chosen = size(machine(), local=local, cloud=cloud).model
    assert chosen.count == workers and str(workers) in chosen.why


@pytest.mark.parametrize(("cores", "workers"), [(0.5, 1), (1, 1), (2, 2), (32, 2)])
def test_formatting_needs_one_or_two(cores, workers):
    assert size(machine(cores)).formatting.count == workers


def test_a_number_of_the_operator_holds_and_says_so():
    sizing = size(machine(1, 0.1), extraction=9, model=7, formatting=5)
    assert (sizing.extraction.count, sizing.model.count, sizing.formatting.count) == (9, 7, 5)
    assert sizing.extraction.why == "EXTRACTION_WORKERS is set to 9."
    assert "MODEL_WORKERS" in sizing.model.why and "FORMATTING_WORKERS" in sizing.formatting.why


@given(st.floats(0.01, 1000), st.floats(0, 5000), st.booleans(), st.booleans())
def test_there_is_always_a_worker_and_a_sentence(cores, available, local, cloud):
    sizing = size(machine(cores, available), local=local, cloud=cloud)
    for workers in (sizing.extraction, sizing.model, sizing.formatting):
        assert 1 <= workers.count <= 64 and workers.why.endswith(".")
    assert sizing.extraction.count <= max(1, cores) and (sizing.extraction.count == 1 or sizing.extraction.count <= available)
