"""Azure OpenAI in front of the fake OpenAI: its two forms of addresses, its key header, and its chunk without choices.

Source: learn.microsoft.com/azure/ai-foundry/openai/reference.
"""

from typing import Any

from aiohttp import web

from tests.fakes.openai import FakeOpenAI
from tests.fakes.openai_checks import ApiError

VERSION = "2024-10-21"


class FakeAzure(FakeOpenAI):
    def __init__(self) -> None:
        super().__init__()
        self.preface = {
            "choices": [], "model": "", "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
        }  # fmt: skip

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.post("/openai/v1/chat/completions", self.chat),
            web.post("/openai/v1/embeddings", self._embed),
            web.get("/openai/v1/models", self._list),
            web.post("/openai/deployments/{deployment}/chat/completions", self.chat),
            web.post("/openai/deployments/{deployment}/embeddings", self._embed),
            web.get("/openai/models", self._list),
        ]

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("api-key", "")

    def model_of(self, request: web.Request, body: dict[str, Any]) -> str:
        classic = "/v1/" not in request.path
        if classic != ("api-version" in request.query) or (classic and request.query["api-version"] != VERSION):
            raise ApiError(404, "Resource not found", code="404")
        return request.match_info["deployment"] if classic else super().model_of(request, body)
