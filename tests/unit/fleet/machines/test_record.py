import pytest

from core.errors import InvalidField
from fleet.machines.record import Record, checked

GOOD = Record("gpu-2", "http://10.0.0.5:11434")


def test_a_record_is_put_in_order():
    record = checked(
        Record("gpu-2", "http://box/ollama", labels=("b", "a", "b"), always_on=("gemma3", "gemma3:latest"), device="gpu")
    )
    assert (record.labels, record.always_on, record.url) == (("a", "b"), ("gemma3:latest",), "http://box/ollama")
    assert checked(record) == record


def test_an_engine_has_a_key_and_names_its_models_as_it_likes():
    record = checked(Record("lab", "http://lab:8000", "vllm", key="sk-1", always_on=("Qwen/Qwen3 8B", "Qwen/Qwen3 8B")))
    assert record.always_on == ("Qwen/Qwen3 8B",) and "sk-1" not in repr(record)
    with pytest.raises(InvalidField) as caught:
        checked(Record("lab", "http://lab", "toaster"))
    assert caught.value.hint == "Known are: ollama, llamacpp, lmstudio, textgen, vllm."


@pytest.mark.parametrize(("field", "values"), [
    ("name", {"name": "GPU"}), ("url", {"url": "http://u:p@box"}), ("kind", {"kind": "toaster"}), ("device", {"device": "tpu"}),
    ("budget_bytes", {"budget_bytes": 0}), ("budget_bytes", {"budget_bytes": -1}), ("budget_bytes", {"budget_bytes": 1 << 60}),
    ("num_parallel", {"num_parallel": 0}), ("num_parallel", {"num_parallel": 1025}), ("max_loaded_models", {"max_loaded_models": -1}),
    ("max_loaded_models", {"kind": "textgen", "max_loaded_models": 2}), ("kv_cache_type", {"kv_cache_type": "q2"}),
    ("kv_cache_type", {"kind": "vllm", "kv_cache_type": "f16"}), ("flash_attention", {"kind": "vllm", "flash_attention": False}),
    ("labels", {"labels": ("Upper",)}), ("labels", {"labels": ("x" * 64,)}), ("labels", {"labels": tuple(map(str, range(33)))}),
    ("key", {"key": "sk-1"}), ("key", {"kind": "vllm", "key": "a\r\nb"}), ("key", {"kind": "vllm", "key": "x" * 1001}),
    ("always_on", {"kind": "vllm", "always_on": ("a\nb",)}), ("always_on", {"kind": "vllm", "always_on": ("",)}),
    ("always_on", {"always_on": ("evil.example/a/b",)}), ("always_on", {"always_on": tuple(f"m{n}" for n in range(33))}),
])  # fmt: skip
def test_a_record_that_cannot_be_names_its_member(field, values):
    members = {name: getattr(GOOD, name) for name in Record.__slots__}
    with pytest.raises(InvalidField) as caught:
        checked(Record(**members | values))
    assert caught.value.field == field and caught.value.hint and caught.value.detail.endswith(".")
