"""An operation on a model: what it is to do, how far it is, and which other one it may not meet."""

from dataclasses import dataclass
from typing import Literal

from fleet.operations.durable import Record

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Record):
    """What `GET /models/operations/{id}` shows.

    `machine` is where a model is installed, deleted or switched (None: everywhere); `source` and `target` are those of a
    duplicate or a move. `digest` is the model's at the source, `found` the one that the target has now.
    """

    kind: Kind
    state: State = "queued"
    machine: str | None = None
    source: str | None = None
    target: str | None = None
    step: Step | None = None
    way: Way | None = None
    digest: str | None = None
    found: str | None = None
    same: Same | None = None

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
