"""The gateway as the document wing asks it: every question entered into the ledger in the name of the job's owner."""

from typing import Protocol

from gateway.deployments import Asker
from gateway.grants import NANO, Grant
from gateway.ledger import Ledger
from gateway.service import Completion, Gateway, Target
from models import OPERATOR
from providers.types import TOKENS_PER_IMAGE, USUAL_CHARACTERS_PER_TOKEN, Capabilities, ChatRequest, ModelInfo


class Answering(Protocol):
    """What answers a question about a document; see `Gateway` for what each raises."""

    def capabilities(self, provider: str) -> Capabilities: ...

    async def route(self, provider: str, model: str, *, api_key: str | None, priority: str = "normal") -> Target | None: ...

    async def model_info(self, target: Target, api_key: str | None) -> ModelInfo | None: ...

    async def complete(self, target: Target, request: ChatRequest) -> Completion: ...


class Metered:
    """For one job. `cost` is what its answers cost so far, in US dollars; None as soon as one has no known price."""

    def __init__(self, gateway: Gateway, ledger: Ledger, grant: Grant, job_id: str):
        self._gateway, self._ledger, self._grant, self._job_id = gateway, ledger, grant, job_id
        self._cost: int | None = 0

    @property
    def cost(self) -> float | None:
        return None if self._cost is None else self._cost / NANO

    def capabilities(self, provider: str) -> Capabilities:
        return self._gateway.capabilities(provider)

    async def route(self, provider: str, model: str, *, api_key: str | None, priority: str = "normal") -> Target | None:
        return await self._gateway.route(
            provider, model, api_key=api_key, priority=priority, by=self._asker, allows=self._grant.allows
        )

    async def model_info(self, target: Target, api_key: str | None) -> ModelInfo | None:
        return await self._gateway.model_info(target, api_key)

    async def complete(self, target: Target, request: ChatRequest) -> Completion:
        """Raises what the gateway raises, and ModelNotAllowed, BudgetSpent, RateLimited and Overloaded of the ledger: a job that
        was accepted waits for no pace, but nobody spends more than he has."""
        with self._ledger.enter(
            self._grant,
            front="documents",
            operation="chat",
            model=target.asked or target.model,
            request_id=self._job_id,
            stream=False,
            paced=False,
        ) as call:
            own_key = self._brings_its_key(target, request)
            call.route(
                target.provider, target.model, input_tokens=_tokens(request), max_output=request.max_tokens, own_key=own_key
            )
            completion = await self._gateway.complete(target, request, call.attempts)
            if completion.target != target:
                call.answers(completion.target.provider, completion.target.model)
                call.own_key = self._brings_its_key(completion.target, request)
            call.settle("ok", usage=completion.usage, http_status=200, finish_reason=completion.finish_reason)
        self._cost = None if self._cost is None or call.cost is None else self._cost + call.cost
        return completion

    def _asker(self) -> Asker:
        key_id = self._grant.key_id
        return Asker("", "" if key_id == OPERATOR else key_id, self._job_id)

    def _brings_its_key(self, target: Target, request: ChatRequest) -> bool:
        return bool(request.api_key) and self.capabilities(target.provider).key_per_request


def _tokens(request: ChatRequest) -> int:
    """About as many as the request has."""
    characters = sum(len(message.content) for message in request.messages)
    return characters // USUAL_CHARACTERS_PER_TOKEN + TOKENS_PER_IMAGE * sum(len(message.images) for message in request.messages)
