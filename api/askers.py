"""Who asks, for names that lead to several models: what the body says of it, else the key, else the request."""

from typing import Any

from api.exchange import Exchange
from gateway.deployments import Asker
from models import OPERATOR


def asker_of(exchange: Exchange, body: dict[str, Any]) -> Asker:
    key_id = exchange.principal.key_id
    return Asker(_told(body), "" if key_id == OPERATOR else key_id, exchange.request_id)


def _told(body: dict[str, Any]) -> str:
    """A seed, or the user, in the words of OpenAI (`seed`, `safety_identifier`, before it `user`), of Ollama (`options.seed`) and
    of Anthropic (`metadata.user_id`); empty for a body with none of them."""
    inner = [(body.get(name), member) for name, member in (("options", "seed"), ("metadata", "user_id"))]
    nested = [value.get(member) for value, member in inner if isinstance(value, dict)]
    for value in (body.get("seed"), *nested, body.get("safety_identifier"), body.get("user")):
        if isinstance(value, (int, str)) and not isinstance(value, bool) and value != "":
            return str(value)
    return ""
