from api.presence import NOWHERE, Presences, is_resident, turns
from fleet.budget import Budget
from fleet.compute import Resident
from fleet.machines.engine import Engine
from fleet.machines.record import Record
from fleet.machines.standing import Occupant, Queue, Standing
from tests.unit.gateway.lists import listed

GEMMA = listed("ollama/gemma3:1b", local=True, machines=("local", "box"))


class Told:
    """Turns that tell what a test says."""

    def __init__(self, occupants, *queues):
        self._standing = Standing("loading", queues, occupants)

    def standing(self):
        return self._standing

    def outlook(self, model):
        raise AssertionError("of a machine that is down nobody is told when")


def engine(name, occupants, *queues, state="up"):
    made = Engine(Record(name, f"http://{name}"), "api", None, lambda record, health: Budget(None, ""))
    made.turns, made.health.state, made.listed = Told(occupants, *queues), state, {}
    return made


def test_a_model_is_where_its_machine_says_it_is():
    local = engine("local", (Occupant("gemma3:1b", "leaving", seconds=30.0),), Queue("gemma3:1b", 2, 1, 5.0, 0.0))
    box = engine("box", (Occupant("gemma3:1b", "loading", seconds=3.0, eta_seconds=9.0),))
    presences = Presences([local, box], 1_000_000.0)
    here, there = presences.of("local", "gemma3:1b"), presences.of("box", "gemma3:1b")
    assert (here["state"], here["since"], here["waiting"], here["inside"]) == ("leaving", "1970-01-12T13:46:10.000Z", 2, 1)
    assert is_resident(here) is True and is_resident(there) is False and presences.of("box", "other")["state"] == "absent"
    assert presences.resident(GEMMA) is True and Presences([box], 0.0).resident(GEMMA) is False
    assert [(one.record.name, occupant.state) for one, occupant in presences.all()] == [("local", "leaving"), ("box", "loading")]


def test_a_machine_that_does_not_tell_is_unknown_and_one_that_is_down_has_nothing():
    silent, down = engine("local", None, state="unknown"), engine("box", (Occupant("gemma3:1b"),), state="down")
    presences = Presences([silent, down], 0.0)
    assert is_resident(presences.of("local", "gemma3:1b")) is None is is_resident(NOWHERE)
    told = presences.of("box", "gemma3:1b")
    assert (told["state"], told["eta_seconds"]) == ("absent", None)
    assert Presences([silent], 0.0).resident(GEMMA) is None and presences.resident(GEMMA) is False
    assert Presences([], 0.0).resident(listed("lmstudio/x", local=True, resident=True)) is True


def test_without_turns_in_memory_the_last_probe_tells():
    probed = engine("local", None)
    probed.health.residents = (Resident("gemma3:1b", 10, 9),)
    occupant = Presences([probed], 0.0).occupant("local", "gemma3:1b")
    assert (occupant.size, occupant.size_vram, occupant.seconds) == (10, 9, None)


def test_a_key_sees_the_turns_of_its_models():
    local = engine("local", (), Queue("gemma3:1b", 1, 0, 2.04, 30.06), Queue("secret", 1, 0))
    row = {"model": "gemma3:1b", "waiting": 1, "inside": 0, "oldest_seconds": 2.0, "eta_seconds": 30.1, "machine": "local"}
    assert turns([local], lambda provider, model: (provider, model) == ("ollama", "gemma3:1b")) == [row]
    assert len(turns([local], None)) == 2
