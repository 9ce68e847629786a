from bench.kills import run


def test_ten_kills_under_load_lose_nothing_and_change_nothing(tmp_path):
    ledger = run(tmp_path / "data", kills=10, clients=4, seed=4711, longest=1.0)
    assert len(ledger.accepted) > 50
    assert (ledger.lost, ledger.unfinished, ledger.changed) == ([], [], [])
    assert ledger.statuses == {"done": len(ledger.accepted)}
    assert ledger.integrity == "ok"
