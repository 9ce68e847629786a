"""text-generation-webui: one model in memory at a time, exchanged through its internal addresses.

Source: modules/api/script.py and modules/api/models.py of oobabooga/text-generation-webui (extensions/openai before 2026).
`info` takes the key of the API, the others its admin key. A load drops what is in memory at once, with its questions, so it
is not asked for while something is; it runs on the server's event loop, which answers nobody meanwhile. A load that fails is
a 500 without a reason. Nothing tells a size.
"""

from typing import Any, ClassVar

from core.errors import ProviderAuthFailed
from fleet.engines.api import NotOffered
from fleet.engines.base import Engine, EngineHealth, EngineSpec, Seen, Survey
from fleet.engines.reading import inside, name_of, names_of

_FIXED = "This text-generation-webui does not let this key load or unload models."
_HERE = "/v1/internal/model"


class TextgenEngine(Engine):
    spec: ClassVar[EngineSpec] = EngineSpec(
        "textgen",
        "text-generation-webui",
        "http://localhost:5000",
        "https://github.com/oobabooga/text-generation-webui/wiki/12-%E2%80%90-OpenAI-API",
        "the key of this machine is its admin key",
        holds_one=True,
    )

    async def survey(self) -> Survey:
        loaded = await self._loaded()
        try:
            listed = await self._api.call("GET", f"{_HERE}/list", seconds=self._waits.call)
        except (NotOffered, ProviderAuthFailed):
            return Survey((Seen(loaded, "resident"),) if loaded else (), fixed=_FIXED)
        names = dict.fromkeys([*names_of(inside(listed, "model_names")), *([loaded] if loaded else [])])
        # "None" is how its list and its state name the lack of a model.
        names.pop("None", None)
        return Survey(tuple(Seen(name, "resident" if name == loaded else "absent") for name in names))

    async def health(self) -> EngineHealth:
        return EngineHealth(ready=True, fixed=(await self.survey()).fixed)

    async def _begin_load(self, model: Seen) -> None:
        await self._api.call("POST", f"{_HERE}/load", {"model_name": model.name}, seconds=self._waits.load, model=model.name)

    async def _begin_unload(self, model: Seen) -> None:
        await self._api.call("POST", f"{_HERE}/unload", seconds=self._waits.leave, model=model.name)

    async def _loaded(self) -> str | None:
        info: Any = await self._api.call("GET", f"{_HERE}/info", seconds=self._waits.call)
        name = name_of(inside(info, "model_name"))
        return None if name == "None" else name
