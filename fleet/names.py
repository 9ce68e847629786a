"""Names of Ollama models, as strict as what we pass on must be: a name may choose a model, never a server.

Ollama reads `host/namespace/model:tag`, so a name with two slashes makes it call any registry (its issue #16236); only the
hosts named here may stand there. Its own rules: a namespace holds no dot, no part begins with one.
"""

import re

from core.errors import InvalidField

HOSTS = frozenset({"hf.co", "huggingface.co"})
_MODEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}", re.ASCII)
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}", re.ASCII)


def read_model_name(text: str, *, hosts: frozenset[str] = HOSTS) -> str:
    """`name`, `name:tag`, `namespace/name[:tag]` or `hf.co/user/repository[:tag]`, with the tag written out.

    Raises InvalidField.
    """
    path, colon, tag = text.partition(":")
    parts = path.split("/")
    *above, model = parts
    host = above.pop(0) if len(above) == 2 else None
    well_formed = (
        len(above) <= 1
        and _MODEL.fullmatch(model)
        and all(_NAMESPACE.fullmatch(part) for part in above)
        and (host is None or host in hosts)
        and (_TAG.fullmatch(tag) if colon else True)
        and ".." not in text
    )
    if not well_formed:
        raise InvalidField(
            "This is not the name of a model that may be downloaded.",
            field="model",
            hint="Write it like gemma3:1b, namespace/name:tag or hf.co/user/repository:Q4_K_M; other registries are refused.",
        )
    return text if colon else f"{text}:latest"
