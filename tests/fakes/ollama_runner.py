"""One llama-server of a fake Ollama: where it lies in memory, who holds it, and the line for its slots."""

from collections import deque
from dataclasses import dataclass, field

from tests.fakes.ollama_models import MIB, FakeModel, compute_bytes
from tests.fakes.ollama_options import RunnerOptions

#: What the driver takes for each process beside what the process reports.
DRIVER_BYTES = 457 * MIB


@dataclass(eq=False, slots=True)
class Ticket:
    """A request on its way through the scheduler. `keep_alive` None leaves the lease of the runner as it is; one that does not
    `generate` only loads or renews."""

    model: FakeModel
    options: RunnerOptions
    keep_alive: float | None = None
    generates: bool = True
    gone: bool = False
    retried: bool = False
    runner: "Runner | None" = None

    def __repr__(self) -> str:
        return f"Ticket({self.model.name}{', gone' if self.gone else ''})"


@dataclass(eq=False, slots=True)
class Runner:
    """`lease` is Ollama's sessionDuration, `expires` when it ends (None while it is in use); bytes in `size` and `vram`.

    `dead` is a process that crashed, which nobody has noticed; `hung` one that answers nobody; `doomed` has been told to go as
    soon as nobody holds it, whatever its lease says.
    """

    model: FakeModel
    options: RunnerOptions
    slots: int
    size: int
    vram: int
    lease: float
    expires: float | None = None
    dead: bool = False
    hung: bool = False
    doomed: bool = False
    holders: list[Ticket] = field(default_factory=list)
    busy: set[Ticket] = field(default_factory=set)
    line: deque[Ticket] = field(default_factory=deque)

    @property
    def refs(self) -> int:
        return len(self.holders)

    @property
    def on_gpu(self) -> bool:
        return self.vram > 0

    @property
    def taken(self) -> int:
        """Bytes of the cards that it really takes."""
        return self.vram + DRIVER_BYTES if self.vram and not self.dead else 0

    def enter(self, ticket: Ticket) -> list[Ticket]:
        """Holds the runner; returns whoever may go on now: slots are given in the order of arrival, what only loads needs none."""
        self.holders.append(ticket)
        ticket.runner = self
        if not ticket.generates:
            return [ticket]
        self.line.append(ticket)
        return self._next()

    def leave(self, ticket: Ticket) -> list[Ticket]:
        """Returns whoever got the slot."""
        self.holders.remove(ticket)
        self.busy.discard(ticket)
        if ticket in self.line:
            self.line.remove(ticket)
        return self._next()

    def _next(self) -> list[Ticket]:
        given = []
        while self.line and len(self.busy) < self.slots:
            given.append(self.line.popleft())
            self.busy.add(given[-1])
        return given


class OutOfMemory(Exception):
    pass


def placed(model: FakeModel, options: RunnerOptions, size: int, free: int) -> int:
    """Bytes of `size` that go to cards with `free` bytes. Without num_gpu llama-server drops the layers that do not fit; with it
    they are put there or the load fails. Raises OutOfMemory."""
    if options.num_gpu == 0:
        return 0
    room, layers = free - DRIVER_BYTES, model.shape.layers + 1
    buffers = compute_bytes(options.num_batch)
    layer = (size - buffers) / layers
    if options.num_gpu is None:
        fitting = max(0, min(layers, int((room - buffers) / layer)))
        return size if fitting == layers else int(buffers + fitting * layer) if fitting else 0
    wanted = size if options.num_gpu >= layers else int(buffers + options.num_gpu * layer)
    if wanted > room:
        raise OutOfMemory
    return wanted
