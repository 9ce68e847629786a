"""An operation on a model: what it is to do, how far it is, and which other one it may not meet."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["install", "duplicate", "move", "delete", "activate", "deactivate"]
State = Literal["queued", "running", "done", "failed", "cancelled"]
Step = Literal["pulling", "verifying", "copying", "creating", "deleting", "switching"]
Way = Literal["pull", "blobs"]
#: What the target has, beside the source: the same manifest, the same files below a manifest of its own, or another version.
Same = Literal["manifest", "files", "different"]

FIRST: dict[Kind, Step] = {
    "install": "pulling", "duplicate": "pulling", "move": "pulling",
    "delete": "deleting", "activate": "switching", "deactivate": "switching",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operation:
    """What `GET /models/operations/{id}` shows. Bytes, bytes a second, seconds; times are seconds since 1970.

    `machine` is where a model is installed, deleted or switched (None: everywhere); `source` and `target` are those of a
    duplicate or a move. `digest` is the model's at the source, `found` the one that the target has now.
    """

    id: str
    kind: Kind
    model: str
    state: State
    created_at: float
    updated_at: float
    machine: str | None = None
    source: str | None = None
    target: str | None = None
    step: Step | None = None
    way: Way | None = None
    digest: str | None = None
    found: str | None = None
    same: Same | None = None
    detail: str = ""
    completed: int = 0
    total: int | None = None
    speed: float | None = None
    eta_seconds: float | None = None
    attempts: int = 0
    error: dict[str, Any] | None = None
    finished_at: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def wish(self) -> tuple[str | None, ...]:
        """Two with the same are one."""
        return self.kind, self.model, self.machine, self.source, self.target

    @property
    def changed(self) -> frozenset[str]:
        """The machines where this one changes the model's files."""
        where = {"install": [self.machine], "delete": [self.machine], "duplicate": [self.target],
                 "move": [self.source, self.target]}.get(self.kind, [])  # fmt: skip
        return frozenset(name for name in where if name is not None)

    @property
    def touched(self) -> frozenset[str]:
        """The machines whose files of the model it reads or changes."""
        return self.changed | ({self.source} if self.source is not None else frozenset())

    def meets(self, other: "Operation") -> bool:
        """Whether one would change what the other reads or changes."""
        return self.model == other.model and bool(self.changed & other.touched or other.changed & self.touched)
