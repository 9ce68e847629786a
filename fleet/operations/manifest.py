"""Ollama's manifests: which files a model is made of, and the request that makes the same model of the same files.

A manifest is the JSON of an OCI image (`schemaVersion` 2): a `config` and `layers`, each with mediaType, digest and size; what
`ollama list` calls the digest of a model is the SHA-256 of that file. Facts from server/create.go of Ollama (2026-08).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from core.errors import Conflict, ProviderError
from providers.ollama_blobs import DIGEST

MANIFEST_BYTES = 1 << 20
TEXT_BYTES = 4 << 20
_MOST_LAYERS = 64
_LARGEST = 4 << 40
_IMAGE = "application/vnd.ollama.image."
#: Files that are given to the target; all others are texts that stand in the request.
_FILES = {"model": "files", "projector": "files", "adapter": "adapters"}
_TEXTS = ("template", "system", "params", "license", "messages")
_OF_THE_CONFIG = ("renderer", "parser", "requires", "capabilities")


@dataclass(frozen=True, slots=True)
class Layer:
    """`kind` is the end of its media type: model, projector, adapter, template, system, params, license, messages or config."""

    kind: str
    digest: str
    size: int

    @property
    def is_file(self) -> bool:
        return self.kind in _FILES


def read_manifest(raw: bytes) -> list[Layer]:
    """The layers, the config first. Raises ProviderError for what is no manifest, Conflict for files that cannot be copied."""
    try:
        value = orjson.loads(raw)
        config, layers = value["config"], value["layers"]
        read = [_layer(config, "config"), *(_layer(layer, None) for layer in layers)]
    except (orjson.JSONDecodeError, TypeError, KeyError, ValueError):
        raise ProviderError("The manifest of the model is not one of Ollama.") from None
    if len(read) > _MOST_LAYERS:
        raise ProviderError("The manifest of the model names too many files.")
    if unknown := sorted({layer.kind for layer in read} - {*_FILES, *_TEXTS, "config"}):
        raise _cannot(f"has parts ({', '.join(unknown)[:100]}) that Ollama takes from nobody")
    if not any(layer.kind == "model" for layer in read):
        raise _cannot("has no weights of its own")
    if any(not layer.is_file and layer.size > TEXT_BYTES for layer in read):
        raise ProviderError("A text of the model is too long.")
    return read


def _layer(value: Mapping[str, Any], kind: str | None) -> Layer:
    """Raises ValueError."""
    media, digest, size = value["mediaType"], value["digest"], value["size"]
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST:
        raise ValueError("no size")
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest) or not isinstance(media, str):
        raise ValueError("no digest")
    return Layer(kind or (media.removeprefix(_IMAGE) if media.startswith(_IMAGE) else media[:40]), digest, size)


def creation(model: str, layers: list[Layer], read: Callable[[str], bytes]) -> dict[str, Any]:
    """The body of `POST /api/create`; `read` gives the content of a text by its digest. Raises ProviderError."""
    body: dict[str, Any] = {"model": model}
    for layer in layers:
        if layer.is_file:
            files = body.setdefault(_FILES[layer.kind], {})
            files[f"{layer.kind}-{len(files)}.gguf"] = layer.digest
            continue
        try:
            _take(body, layer.kind, read(layer.digest))
        except (orjson.JSONDecodeError, UnicodeDecodeError, TypeError, AttributeError):
            raise ProviderError(f"The {layer.kind} of the model cannot be read.") from None
    return body


def _take(body: dict[str, Any], kind: str, content: bytes) -> None:
    match kind:
        case "config":
            config = orjson.loads(content)
            body |= {name: config[name] for name in _OF_THE_CONFIG if config.get(name)}
        case "template" | "system":
            body[kind] = content.decode()
        case "license":
            body.setdefault("license", []).append(content.decode())
        case "params":
            body["parameters"] = dict(orjson.loads(content))
        case "messages":
            body["messages"] = list(orjson.loads(content))


def _cannot(why: str) -> Conflict:
    return Conflict(f"The model {why}: it cannot be copied file by file.", hint="Install it at the target instead.")
