"""How long a provider in the cloud, or a server of local models, may keep us waiting."""

from dataclasses import dataclass
from functools import cached_property

from core.http import Deadlines


@dataclass(frozen=True)
class Patience:
    """Seconds: to connect, until the first piece (thinking and loading come before it), between pieces, for a list, for all."""

    connect: float = 5.0
    first: float = 180.0
    between: float = 120.0
    listing: float = 20.0
    total: float = 600.0

    @cached_property
    def answering(self) -> Deadlines:
        return Deadlines(self.connect, self.first, self.between, self.total)

    @cached_property
    def whole(self) -> Deadlines:
        """For an answer that comes in one piece: nothing of it before all of it is there."""
        return Deadlines(self.connect, self.total, self.between, self.total)

    @cached_property
    def quick(self) -> Deadlines:
        return Deadlines(self.connect, self.listing, self.listing, self.listing)
