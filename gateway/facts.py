"""What is known of a model: what its provider lists, then what its maker documents, then list prices; the rest is unknown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.families import family_of
from providers.base import ProviderSpec
from providers.types import ModelInfo


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens; a bucket without a price of its own is None."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None

    @property
    def dearest(self) -> float:
        return max(self.input, self.output)


FREE = Price(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a price list says of a model."""

    price: Price | None
    context: int | None


PricesOf = Callable[[str, Sequence[str]], Mapping[str, Listed]]
"""(provider, names of models) → what is listed of those that are."""


@dataclass(frozen=True, slots=True)
class Supports:
    """What a model can do here: the model and the adapter both. None: nobody says."""

    chat: bool | None
    streaming: bool | None
    vision: bool | None
    tools: bool | None
    thinking: bool | None
    json_schema: bool | None
    embeddings: bool | None


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the catalogue. `local`: it runs on machines of ours, and costs nothing; `price` None is unknown.

    `copies` are the provider's entries of it, one for each machine that has it.
    """

    info: ModelInfo
    supports: Supports
    price: Price | None
    local: bool
    copies: tuple[ModelInfo, ...] = ()

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def provider(self) -> str:
        return self.info.provider

    @property
    def id(self) -> str:
        """The name that is unique: `provider/name`."""
        return f"{self.info.provider}/{self.info.name}"

    @property
    def changed_at(self) -> datetime | None:
        """When the provider says that it was made or changed."""
        try:
            return datetime.fromisoformat(self.info.modified_at or "")
        except ValueError:
            return None


def unlisted(provider: str, name: str) -> Model:
    """A model that may be there, of which nobody says anything."""
    return Model(ModelInfo(name, provider), Supports(None, None, None, None, None, None, None), None, local=False)


def completed(info: ModelInfo, spec: ProviderSpec) -> ModelInfo:
    """`info` with what the makers document where the list is silent. Names on a local server mean what its owner likes."""
    family = None if spec.capabilities.local else family_of(info.name)
    if family is None:
        return info
    return replace(
        info,
        capabilities=tuple(dict.fromkeys((*info.capabilities, *family.capabilities))),
        context=info.context or family.context,
        output_limit=info.output_limit or family.output_limit,
    )


def merged(infos: Iterable[ModelInfo]) -> list[tuple[ModelInfo, tuple[ModelInfo, ...]]]:
    """Each name once, in the order of the list: its entry on a machine that has it in memory, else the first; and all of them."""
    by_name: dict[str, list[ModelInfo]] = {}
    for info in infos:
        by_name.setdefault(info.name, []).append(info)
    return [(next((one for one in ones if one.resident), ones[0]), tuple(ones)) for ones in by_name.values()]


def described(info: ModelInfo, spec: ProviderSpec, listed: Listed | None, copies: tuple[ModelInfo, ...] = ()) -> Model:
    """`info` is the provider's own entry, `listed` what a price list says of it."""
    local = spec.capabilities.local and "remote" not in info.capabilities
    known = replace(completed(info, spec), provider=spec.name)
    if listed is not None:
        known = replace(known, context=known.context or listed.context)
    certain = bool(info.capabilities and spec.lists_capabilities) or (not spec.capabilities.local and bool(family_of(info.name)))
    return Model(known, _supports(known, spec, certain), FREE if local else listed and listed.price, local, copies or (info,))


def _supports(info: ModelInfo, spec: ProviderSpec, certain: bool) -> Supports:
    able = spec.capabilities

    def can(word: str, adapter: bool) -> bool | None:
        if word in info.capabilities:
            return adapter
        return False if certain or not adapter else None

    chat = can("completion", able.chat)
    if chat is None and "embedding" in info.capabilities:
        chat = False
    embeddings = can("embedding", able.embed)
    if chat and able.local and able.embed:
        embeddings = embeddings or None  # Ollama lists what a model is made for, and embeds with many that chat
    # A local server keeps any model to a schema, by its grammar.
    schema = chat if able.local and able.json_schema else can("json_schema", able.json_schema)
    return Supports(
        chat=chat,
        streaming=chat and able.stream,
        vision=can("vision", able.vision),
        tools=can("tools", able.tools),
        thinking=can("thinking", able.thinking),
        json_schema=schema,
        embeddings=embeddings,
    )
