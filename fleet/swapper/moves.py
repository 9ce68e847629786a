"""How memory changes hands: drain → unload → confirmed gone → load. One move at a time; what Ollama shows is the truth.

    draining    nobody is let in to those who leave; their last requests end by themselves (or by the caller's deadlines)
    unloading   asked to go; `/api/ps` is looked at until they are gone and the target has room
    loading     the one load in flight; it belongs to nobody, so nobody's hanging up ends it

A load that fails, stalls or is not wanted any more is unloaded and confirmed gone as well before anything else is loaded.
"""

from collections.abc import Callable, Sequence

from core.errors import ModelNotInstalled, MyelinError, Overloaded, ProviderTimeout
from core.logs import get_logger
from fleet.compute import Resident
from fleet.swapper.residency import Model
from fleet.swapper.yard import Move, Yard, unavailable

log = get_logger(__name__)


class Mover:
    """`identify` maps a name that Ollama shows to the one known here; `weigh` tells what a model in memory takes, in bytes."""

    def __init__(self, yard: Yard, identify: Callable[[str], str], weigh: Callable[[Resident], int]):
        self._yard, self._identify, self._weigh = yard, identify, weigh

    def begin(self, target: Model | None, leaving: Sequence[Model], now: float, *, speculative: bool = False) -> None:
        yard = self._yard
        assert yard.move is None and (target is None or not target.is_resident)
        for model in leaving:
            model.is_leaving = True
        yard.move = Move(target, list(leaving), now, speculative, since=now, number=yard.acts)
        self.advance(now)

    def advance(self, now: float) -> None:
        """What the passing of time and the events so far allow."""
        move = self._yard.move
        if move and move.phase == "draining":
            self._drain(move, now)
        elif move and move.phase == "unloading":
            self._unload(move, now)
        elif move:
            self._watch(move, now)

    def _drain(self, move: Move, now: float) -> None:
        if move.target and not self._is_wanted(move):
            for model in move.leaving:
                model.is_leaving = False
            self._yard.move = None
        elif not any(model.inside for model in move.leaving):
            self._ask(move, now)

    def _ask(self, move: Move, now: float) -> None:
        move.phase, move.since, move.deadline = "unloading", now, now + self._yard.tuning.leave
        move.ask_at = now
        self._unload(move, now)

    def _unload(self, move: Move, now: float) -> None:
        yard, tuning = self._yard, self._yard.tuning
        assert not any(model.inside for model in move.leaving)
        if now >= move.deadline:
            self._give_up(move, now)
            return
        still = [model for model in move.leaving if model.is_resident]
        if move.ask_at <= now and not move.unanswered:
            for model in still:
                yard.order("unload", model)
                move.unanswered += 1
            move.ask_at = now + tuning.ask_again_every
        if move.look_at <= now and not move.unanswered:
            move.look_at = now + tuning.confirm_every
            yard.order("look")

    def answered(self, number: int, now: float) -> None:
        """Ollama has answered an unload, in whatever way."""
        move = self._yard.move
        if move and move.phase == "unloading" and number > move.number:
            move.unanswered -= 1
            if not move.unanswered:
                move.look_at = now

    def deleted(self, model: Model) -> None:
        """Ollama does not know it any more, though it may still be in memory: others make room."""
        model.is_deleted, move = True, self._yard.move
        if move and move.phase == "unloading" and model in move.leaving and model.is_fixed:
            for each in move.leaving:
                each.is_leaving = False
            self._yard.move = None

    def _confirmed(self, move: Move, now: float) -> None:
        """A look that began after the last unload was answered shows who is left."""
        yard = self._yard
        if any(model.is_resident for model in move.leaving):
            return
        if move.target is None or not self._is_wanted(move):
            yard.move = None
            return
        missing = yard.missing(now)
        if missing and move.target not in missing:
            yard.move = None
            return
        blocking = yard.victims(move.target)
        if blocking is None or any(model.inside for model in blocking):
            yard.move = None
        elif blocking:
            for model in blocking:
                model.is_leaving = True
            move.leaving.extend(blocking)
            move.ask_at, move.free_at = now, None
            self._unload(move, now)
        elif self._is_settling(move, now):
            move.look_at = move.free_at
        else:
            self._load(move, move.target, now)

    def _is_settling(self, move: Move, now: float) -> bool:
        """The driver counts the memory of who has just left for a while, and Ollama would let go of others for it."""
        stays = any(model is not move.target for model in self._yard.residents())
        if move.free_at is None:
            move.free_at = now + (self._yard.tuning.settle if stays and move.leaving else 0.0)
        return now < move.free_at

    def _load(self, move: Move, target: Model, now: float) -> None:
        tuning = self._yard.tuning
        learned = tuning.load_factor * target.load.value if target.load.is_known else target.predicted / tuning.slowest_load
        move.phase, move.since = "loading", now
        move.deadline = now + max(tuning.load_floor, learned)
        self._yard.loads += 1
        move.number = self._yard.order("load", target)

    def _watch(self, move: Move, now: float) -> None:
        assert move.target
        if now >= move.deadline and self._yard.victims(move.target):
            # It waits behind models that others load and use: no fault of its own.
            self._clean_up(move.target, now, cancel=True)
        elif now >= move.deadline:
            seconds = f"{now - move.since:.0f}"
            self.load_ended(move.number, ProviderTimeout(f"Ollama did not load the model in {seconds} s."), now, cancel=True)
        elif not self._is_wanted(move) and any(model is not move.target for model in self._yard.lined()):
            self._clean_up(move.target, now, cancel=True)

    def load_ended(self, number: int, error: MyelinError | None, now: float, *, cancel: bool = False) -> None:
        yard, move = self._yard, self._yard.move
        if not move or move.phase != "loading" or move.number != number or not move.target:
            return
        target = move.target
        if error is None:
            target.load.add(now - move.since)
            target.breaker.succeeded()
            target.settled(now)
            yard.act(target)
            yard.move = None
            yard.admit(target, now)
            yard.order("look")
            return
        log.warning("swapper.load_failed", model=target.name, error=str(error))
        if isinstance(error, ModelNotInstalled):
            # It may come back at any time, and to ask costs nothing; but not without a pause.
            target.breaker.retry_at = now + yard.tuning.ask_again_every
            yard.refuse(target.line, error)
        elif error.retryable:
            target.breaker.failed(now, str(error))
        else:
            target.breaker.opened(now, str(error))
            yard.refuse(target.line, error)
        if seconds := target.breaker.open_for(now):
            yard.refuse(target.line, unavailable(target, seconds))
        self._clean_up(target, now, cancel=cancel)

    def _clean_up(self, target: Model, now: float, *, cancel: bool) -> None:
        """Whatever is left of a load that came to nothing has to be gone before the next."""
        number = self._yard.acts
        if cancel:
            self._yard.order("cancel", target)
        target.is_resident = target.is_leaving = True
        self._yard.move = move = Move(None, [target], now, number=number, unanswered=int(cancel), is_clean_up=True)
        self._ask(move, now)

    def _give_up(self, move: Move, now: float) -> None:
        """They did not go, for others ask them or they hang, or Ollama gives no answer: the truth decides what is next, and who
        has waited for longer than may be promised is told."""
        names = ", ".join(model.name for model in move.leaving if model.is_resident) or "a model"
        log.warning("swapper.unload_failed", models=names)
        for model in move.leaving:
            model.is_leaving = False
            if move.is_clean_up:
                model.gone()
        self._yard.move = None
        if move.target:
            tuning = self._yard.tuning
            error = Overloaded(f"The memory is not free yet: {names} did not leave it.", retry_after=tuning.leave)
            late = [ticket for ticket in move.target.line if now - ticket.arrived > tuning.limit(ticket.klass)]
            self._yard.refuse(late, error)

    def _is_wanted(self, move: Move) -> bool:
        """A target that is in memory was loaded by somebody else."""
        target = move.target
        if target is not None and (target.is_resident or target in self._yard.withheld):
            return False
        if target is None or target.line or target.name in self._yard.pinned_names:
            return True
        return move.is_speculative and not self._yard.waiting

    # The truth

    def looked(self, number: int, found: Sequence[Resident] | None, now: float) -> None:
        """`/api/ps` as asked for after our act `number`; None when there was no answer."""
        yard, move = self._yard, self._yard.move
        was_watching = not yard.is_blind and not yard.is_closed
        yard.is_blind, yard.looked_at = found is None, now
        if yard.opens_after is not None and number >= yard.opens_after:
            yard.is_closed, yard.opens_after = False, None
        if found is None:
            return
        yard.predict_again()
        seen = {self._identify(resident.name): resident for resident in found}
        loading = move.target if move and move.phase == "loading" else None
        for name, resident in seen.items():
            model = yard.model(name)
            if model is loading or (model.changed > number and not model.is_resident):
                continue
            if model.seen != resident:
                self._see(model, resident)
            if not model.is_resident:
                self._adopt(model, now, just_now=was_watching)
        for model in yard.residents():
            if model.name not in seen and model.changed <= number:
                self._missed(model, now)
            elif model.name in seen and model.is_leaving and not (move and model in move.leaving):
                model.is_leaving = False
        if move and move.phase == "unloading" and not move.unanswered and number >= self._last_act(move):
            self._confirmed(move, now)

    def _adopt(self, model: Model, now: float, *, just_now: bool) -> None:
        """Somebody else has loaded it. When it came before our eyes it may pay for its load, as ours do: else two who share an
        Ollama would swap without end."""
        model.settled(now)
        model.is_foreign = True
        if (move := self._yard.move) and model in move.leaving:
            move.leaving.remove(model)  # it had gone; whether it has to leave again is seen when the others have
        if just_now:
            model.held_until = now + self._yard.quantum(model, now)
            self._yard.shared_until = now + self._yard.tuning.shared_believed
            self._yard.taken_until = now
        log.info("swapper.adopted", model=model.name)

    def _see(self, model: Model, resident: Resident) -> None:
        model.seen, model.weighed, model.claimed = resident, self._weigh(resident), 0
        if 0 < resident.size_vram < resident.size:
            log.warning("swapper.spilled", model=model.name, size=resident.size, size_vram=resident.size_vram)

    def _missed(self, model: Model, now: float) -> None:
        """With requests inside, Ollama may be loading it again for one of them; a load does not show, but takes memory.

        Where others load models it is theirs that took its place, and that does not show yet.
        """
        yard = self._yard
        if now < yard.shared_until and not model.is_leaving:
            yard.taken_until = now + 2 * model.load.value
        if model.inside:
            model.is_leaving = True
        else:
            model.gone()

    @staticmethod
    def _last_act(move: Move) -> int:
        return max([model.changed for model in move.leaving], default=0)
