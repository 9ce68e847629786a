"""LM Studio: loads and unloads over its own REST API.

Source: lmstudio.ai/docs/developer/rest (`/api/v1/models`, `/api/v1/models/load`, `/api/v1/models/unload`, since 0.4.0) and
its deprecated `/api/v0/models` (since 0.3.6), which shows states and moves nothing. What it does not know it answers with
200 and `{"error": "Unexpected endpoint or method. …"}` (lmstudio-bug-tracker#618, #1323). A load of what is loaded already
makes a second instance of it.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from core.errors import ProviderError
from fleet.engines.api import NotOffered
from fleet.engines.base import Engine, EngineHealth, EngineSpec, Seen, Survey
from fleet.engines.reading import bytes_of, entries, name_of
from providers.openai_errors import classify_error, error_of

_FIXED = "This LM Studio shows its models, but has no way to load or unload them from outside."


class LmStudioEngine(Engine):
    spec: ClassVar[EngineSpec] = EngineSpec(
        "lmstudio",
        "LM Studio",
        "http://localhost:1234",
        "https://lmstudio.ai/docs/developer/rest",
        "it is version 0.4 or newer",
        parallel=4,
    )

    async def survey(self) -> Survey:
        listed = entries(await self._api.look_up("/api/v1/models", seconds=self._waits.call), "models")
        if listed is not None:
            return Survey(tuple(seen for one in listed if (seen := _model(one))))
        listed = entries(await self._api.look_up("/api/v0/models", seconds=self._waits.call), "data")
        if listed is not None:
            return Survey(tuple(seen for one in listed if (seen := _listed_only(one))), fixed=_FIXED)
        raise NotOffered("This is no LM Studio with a REST API.", hint="Check the address of this machine, and update LM Studio.")

    async def health(self) -> EngineHealth:
        return EngineHealth(ready=True, fixed=(await self.survey()).fixed)

    async def _begin_load(self, model: Seen) -> None:
        await self._post("/api/v1/models/load", {"model": model.name}, model.name, self._waits.load)

    async def _begin_unload(self, model: Seen) -> None:
        for instance in model.instances:
            await self._post("/api/v1/models/unload", {"instance_id": instance}, model.name, self._waits.leave)

    async def _post(self, path: str, body: dict[str, str], model: str, seconds: float) -> None:
        answer = await self._api.call("POST", path, body, seconds=seconds, model=model)
        if not isinstance(answer, Mapping):
            raise ProviderError("LM Studio answered with something that is not its protocol.")
        if "error" in answer:
            raise classify_error(400, error_of(answer), title="LM Studio", model=model)


def _model(entry: Mapping[str, Any]) -> Seen | None:
    """Every instance takes the memory of the whole model."""
    name = name_of(entry.get("key"))
    if name is None:
        return None
    instances = tuple(found for one in entries(entry, "loaded_instances") or () if (found := name_of(one.get("id"))))
    size = bytes_of(entry.get("size_bytes"))
    taken = size * max(1, len(instances)) if size else None
    return Seen(name, "resident" if instances else "absent", taken, aliases=instances, instances=instances)


def _listed_only(entry: Mapping[str, Any]) -> Seen | None:
    name = name_of(entry.get("id"))
    return None if name is None else Seen(name, "resident" if entry.get("state") == "loaded" else "absent")
