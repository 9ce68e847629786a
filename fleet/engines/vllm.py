"""vLLM: one model a server, which can sleep: the weights go to main memory and the graphics memory becomes free.

Source: docs.vllm.ai/en/latest/features/sleep_mode and vllm/entrypoints/serve/sleep/api_router.py. `/sleep`, `/wake_up` and
`/is_sleeping` exist with VLLM_SERVER_DEV_MODE=1 only, and work with --enable-sleep-mode only. Level 1 is used, for after
level 2 the weights must be fetched again by a call of their own before the model answers sense. `mode=wait` lets questions in
flight end (the default aborts them); versions that do not know it ignore it. No address tells how much memory is taken.
"""

from typing import ClassVar

from fleet.engines.api import NotOffered
from fleet.engines.base import Engine, EngineHealth, EngineSpec, Seen, State, Survey
from fleet.engines.reading import entries, inside, name_of

_FIXED = "This vLLM was started without its sleep mode, so its model stays in memory."


class VllmEngine(Engine):
    spec: ClassVar[EngineSpec] = EngineSpec(
        "vllm",
        "vLLM",
        "http://localhost:8000",
        "https://docs.vllm.ai/en/latest/features/sleep_mode",
        "it is started with VLLM_SERVER_DEV_MODE=1 and --enable-sleep-mode",
        holds_one=True,
        parallel=64,
    )

    async def survey(self) -> Survey:
        listed = entries(await self._api.call("GET", "/v1/models", seconds=self._waits.call), "data")
        if listed is None:
            raise NotOffered("This is no vLLM.", hint="Check the address of this machine.")
        # An adapter (LoRA) has the model that it sits on as its parent and takes no place of its own.
        names = [name for one in listed if not one.get("parent") and (name := name_of(one.get("id")))]
        sleeping = await self._is_sleeping()
        state: State = "sleeping" if sleeping else "resident"
        models = (Seen(names[0], state, aliases=tuple(names[1:])),) if names else ()
        return Survey(models, fixed=_FIXED if sleeping is None else "")

    async def health(self) -> EngineHealth:
        if not await self._api.is_ready("/health", seconds=self._waits.call):
            return EngineHealth(ready=False)
        version = inside(await self._api.look_up("/version", seconds=self._waits.call), "version")
        return EngineHealth(True, name_of(version), _FIXED if await self._is_sleeping() is None else "")

    async def _begin_load(self, model: Seen) -> None:
        await self._api.call("POST", "/wake_up", seconds=self._waits.load, model=model.name)

    async def _begin_unload(self, model: Seen) -> None:
        await self._api.call("POST", "/sleep?level=1&mode=wait", seconds=self._waits.leave, model=model.name)

    async def _is_sleeping(self) -> bool | None:
        """None when the server does not tell, so it cannot be put to sleep either."""
        told = inside(await self._api.look_up("/is_sleeping", seconds=self._waits.call), "is_sleeping")
        return told if isinstance(told, bool) else None
