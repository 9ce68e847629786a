import pytest

from core.errors import InvalidField
from core.http import HttpClient
from fleet.engines.registry import engine, engine_classes


def test_every_file_with_a_spec_is_found() -> None:
    assert list(engine_classes()) == ["llamacpp", "lmstudio", "textgen", "vllm"]
    assert all(cls.spec.kind == kind for kind, cls in engine_classes().items())


async def test_an_unknown_kind_is_refused_with_those_that_there_are() -> None:
    http = HttpClient()
    with pytest.raises(InvalidField) as caught:
        engine("ollama", "http://localhost:11434", "", http)
    assert caught.value.field == "kind"
    assert caught.value.hint is not None and "lmstudio" in caught.value.hint
    await http.close()
