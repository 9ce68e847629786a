"""Other names that the operator gives to models."""

from collections.abc import Mapping, Sequence


def read_aliases(value: object) -> tuple[tuple[str, str], ...]:
    """`gpt-4=ollama/llama3.2:3b,…`, or a mapping; each name with what it leads to in the end.

    Raises ValueError for a pair without a name, and for names that lead back to themselves.
    """
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    value = () if value is None else value
    if not isinstance(value, Mapping | Sequence):
        raise ValueError("aliases are written as name=model, or as a mapping")
    given = value.items() if isinstance(value, Mapping) else [_pair(part) for part in value]
    found: dict[str, str] = {}
    for name, target in ((str(name).strip(), str(target).strip()) for name, target in given):
        if not name or not target or name == "auto":
            raise ValueError(f"{name!r} cannot be another name of {target!r}")
        if name in found:
            raise ValueError(f"{name!r} is given twice")
        found[name] = target
    return tuple((name, _end(name, found)) for name in found)


def _pair(part: object) -> Sequence[object]:
    """A part of the text, or a pair that was read before."""
    pair = part.split("=", 1) if isinstance(part, str) else part
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise ValueError(f"{part!r} is not written as name=model")
    return pair


def _end(name: str, pairs: Mapping[str, str]) -> str:
    passed = [name]
    while (name := pairs[name]) in pairs:
        if name in passed:
            raise ValueError(f"{' → '.join([*passed, name])} leads in a circle")
        passed.append(name)
    return name
