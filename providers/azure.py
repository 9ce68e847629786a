"""Azure OpenAI in both forms of its addresses: v1 (the deployment is the model) and deployments with an `api-version`.

Source: learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle and /reference.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import quote

import orjson

from core.errors import ProviderRefused
from core.http import HttpClient
from providers.base import ProviderSpec
from providers.openai_habits import CHAT_ONLY, Habits
from providers.openai_shaped import OpenAIShaped
from providers.patience import Patience
from providers.types import Capabilities


class AzureOpenAI(OpenAIShaped):
    """`base_url` is the resource (https://NAME.openai.azure.com). With an `api_version` deployments are addressed, without
    one v1. `models` are the names of the deployments; without them the list shows the models of the resource's region.
    """

    habits: ClassVar[Habits] = Habits(
        names=MappingProxyType({"max_tokens": "max_completion_tokens"}), object_root=True, strict=True, base64=True
    )
    spec: ClassVar[ProviderSpec] = ProviderSpec(
        name="azure",
        title="Azure OpenAI",
        default_url="",
        key_variable="AZURE_OPENAI_KEY",
        docs="https://learn.microsoft.com/azure/ai-foundry/openai/reference",
        capabilities=Capabilities(embed=True, json_schema=True, vision=True, tools=True, thinking=True),
        dialect="openai",
        without=CHAT_ONLY,
        stream_usage=True,
        variables=(
            ("base_url", "AZURE_OPENAI_ENDPOINT"),
            ("api_version", "AZURE_OPENAI_API_VERSION"),
            ("models", "AZURE_OPENAI_DEPLOYMENTS"),
        ),
    )

    def __init__(
        self,
        http: HttpClient | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        api_version: str | None = None,
        models: Collection[str] = (),
        patience: Patience = Patience(),
    ):
        super().__init__(http, base_url=base_url, api_key=api_key, models=models, patience=patience)
        self._resource = self._base_url.removesuffix("/v1").removesuffix("/openai")
        self._api_version = (api_version or "").strip()

    def _url(self, path: str, sent: dict[str, Any] | bytes | None) -> str:
        if not self._api_version:
            return f"{self._resource}/openai/v1{path}"
        place = f"/deployments/{quote(_model_of(sent), safe='')}" if sent is not None else ""
        return f"{self._resource}/openai{place}{path}?api-version={quote(self._api_version)}"

    def _key_header(self, key: str) -> Mapping[str, str]:
        return {"api-key": key}


def _model_of(sent: dict[str, Any] | bytes) -> str:
    """Raises ProviderRefused for a body without the name of a deployment."""
    try:
        body = orjson.loads(sent) if isinstance(sent, bytes) else sent
    except orjson.JSONDecodeError:
        body = {}
    name = body.get("model") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name:
        raise ProviderRefused("Azure OpenAI needs the name of a deployment as the model.", hint="Send it as the model.")
    return name
