"""What passes between the stages: the question of an upload, and the raw answer of a model."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from documents.finder.finding import Finding
from documents.skeleton import AnswerWarning, Skeleton
from providers.types import Usage


@dataclass(frozen=True, slots=True)
class Question:
    """What an upload asks: the words, the wanted form, and an example of the form (any text)."""

    prompt: str
    skeleton: Skeleton
    example: str | None = None


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What the model stage leaves for the formatting stage. `value` is any JSON value of about the wanted form;
    `findings` (JSON Pointer → place) are the built-in finder's, None when a model answered; `pictured` are the numbers of the
    pages that the model saw as pictures, too."""

    value: Any
    provider: str
    model: str
    model_version: str | None
    routed_because: str
    usage: Usage
    asks: int
    warnings: tuple[AnswerWarning, ...] = ()
    findings: dict[str, Finding] | None = None
    pictured: tuple[int, ...] = ()

    def to_json(self) -> str:
        """ASCII JSON; `RawAnswer.from_json` is its inverse."""
        places = self.findings and {path: [one.value, one.page, one.start, one.end] for path, one in self.findings.items()}
        return json.dumps(
            {
                "value": self.value,
                "provider": self.provider,
                "model": self.model,
                "model_version": self.model_version,
                "routed_because": self.routed_because,
                "asks": self.asks,
                "findings": places,
                "pictured": self.pictured,
                "usage": asdict(self.usage),
                "warnings": [[warning.code, warning.path, warning.message] for warning in self.warnings],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "RawAnswer":
        """Raises ValueError for anything that `to_json` cannot have made."""
        try:
            data = json.loads(text)
            places = data["findings"]
            findings = (
                None
                if places is None
                else {
                    str(path): Finding(value=value, page=int(page), start=int(start), end=int(end))
                    for path, (value, page, start, end) in places.items()
                }
            )
            return cls(
                data["value"],
                str(data["provider"]),
                str(data["model"]),
                data["model_version"],
                str(data["routed_because"]),
                Usage(**data["usage"]),
                int(data["asks"]),
                tuple(AnswerWarning(str(code), str(path), str(message)) for code, path, message in data["warnings"]),
                findings,
                tuple(int(page) for page in data["pictured"]),
            )
        except (TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"not a raw answer: {type(error).__name__}") from None
