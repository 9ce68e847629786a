"""llama.cpp's llama-server: a router over many models, or a server of the one that it was started with.

Source: tools/server/README.md of ggml-org/llama.cpp (router mode, `/models`, `/models/load`, `/models/unload`, `/props`) and
server-models.cpp. Only a router gives each model a `status`. Load and unload are answered at once and go on in processes of
the router's own; a model that is `loading` can be unloaded (it is killed). `failed` says nothing: it stays from an earlier
end (issue #23257). A sleeping model has given its memory back and takes it again with the next question, so one that shall
be resident is unloaded first: the router refuses to load what has a process.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

from core.errors import ProviderRefused
from fleet.engines.api import NotOffered
from fleet.engines.base import Engine, EngineHealth, EngineSpec, Seen, State, Survey
from fleet.engines.reading import bytes_of, count_of, entries, inside, name_of, names_of

_FIXED = "This llama-server was started with one model, which stays in memory."
_STATES: Mapping[str | None, State] = {"loaded": "resident", "loading": "loading", "sleeping": "sleeping"}


class LlamaCppEngine(Engine):
    spec: ClassVar[EngineSpec] = EngineSpec(
        "llamacpp",
        "llama.cpp",
        "http://localhost:8080",
        "https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
        "it is started as a router (llama-server without a model, with --models-dir or --models-preset)",
        parallel=4,
    )

    async def survey(self) -> Survey:
        listed = entries(await self._api.call("GET", "/models", seconds=self._waits.call), "data")
        if listed is None:
            raise NotOffered("This is no llama-server.", hint="Check the address of this machine.")
        rows = list(listed)
        if any(isinstance(row.get("status"), Mapping) for row in rows) or (not rows and await self._is_router()):
            return Survey(tuple(seen for row in rows if (seen := _routed(row))))
        parallel = count_of(inside(await self._props(), "total_slots"))
        return Survey(tuple(seen for row in rows if (seen := _single(row, parallel))), fixed=_FIXED)

    async def health(self) -> EngineHealth:
        if not await self._api.is_ready("/health", seconds=self._waits.call):
            return EngineHealth(ready=False)
        version = name_of(inside(await self._props(), "build_info"))
        return EngineHealth(True, version, (await self.survey()).fixed)

    async def _begin_load(self, model: Seen) -> None:
        if model.state == "sleeping":
            await self._begin_unload(model)
            while await self._glance(model.name) != "absent":
                await self._sleep(self._waits.look)
        await self._move("/models/load", model, self._waits.load)

    async def _begin_unload(self, model: Seen) -> None:
        await self._move("/models/unload", model, self._waits.leave)

    async def _move(self, path: str, model: Seen, seconds: float) -> None:
        answer = await self._api.call("POST", path, {"model": model.name}, seconds=seconds, model=model.name)
        if inside(answer, "success") is not True:
            raise ProviderRefused(f"llama.cpp did not agree to move {model.name}.")

    async def _props(self) -> Any:
        """What the server says of itself; None when that is switched off."""
        return await self._api.look_up("/props", seconds=self._waits.call)

    async def _is_router(self) -> bool:
        return inside(await self._props(), "role") == "router"


def _routed(entry: Mapping[str, Any]) -> Seen | None:
    name = name_of(entry.get("id"))
    if name is None:
        return None
    state = _STATES.get(name_of(inside(entry, "status", "value")), "absent")
    size = bytes_of(inside(entry, "meta", "size"))
    return Seen(name, state, size, _parallel(inside(entry, "status", "args")), names_of(entry.get("aliases")))


def _single(entry: Mapping[str, Any], parallel: int | None) -> Seen | None:
    """In memory also while it sleeps: the next question, whoever asks it, takes the memory again."""
    name = name_of(entry.get("id"))
    size = bytes_of(inside(entry, "meta", "size"))
    return None if name is None else Seen(name, "resident", size, parallel, names_of(entry.get("aliases")))


def _parallel(args: Any) -> int | None:
    """`--parallel N` of a process' arguments; None when it is left to the program."""
    told = next((after for word, after in pairwise(names_of(args)) if word in ("--parallel", "-np")), "")
    return count_of(int(told)) if told.isascii() and told.isdigit() and len(told) < 6 else None
