"""Both doors in front of the local machine's models, closed together while they change places: that of the documents, which
wait outside with their questions, and that of the turns, for whoever asks."""

from fleet.admission import Admission
from fleet.machines.registry import Machines
from fleet.machines.swapping import Swapping


class Doors:
    """`fleet.compute.Door` over the documents' admission and the swapper of the machine `local`."""

    def __init__(self, admission: Admission, machines: Machines):
        self._admission, self._machines = admission, machines

    @property
    def inside(self) -> int:
        """Documents that are being asked about, and turns, which may be the same questions."""
        return max(self._admission.inside, self._machines.local.inside)

    async def close_and_drain(self, seconds: float) -> bool:
        """Lets nobody in and waits until nobody is inside; False when somebody still is after `seconds`. Stays closed."""
        if not await self._admission.close_and_drain(seconds):
            return False
        turns = self._machines.local.turns
        return not isinstance(turns, Swapping) or await turns.swapper.drain(seconds)

    def open(self) -> None:
        turns = self._machines.local.turns
        if isinstance(turns, Swapping):
            turns.swapper.resume()
        self._admission.open()
