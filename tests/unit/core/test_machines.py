import orjson
import pytest

from core.machines import Named, machine_name, machine_url, place_of, read_machines


def test_machines_are_named_in_their_order():
    read = read_machines(" gpu-2=http://10.0.0.5:11434 , box=https://box.lan/ollama,")
    assert read == (Named("gpu-2", "http://10.0.0.5:11434"), Named("box", "https://box.lan/ollama"))
    assert read_machines(read) == read and read_machines("") == read_machines(None) == ()


def test_a_machine_says_what_serves_its_models_and_with_which_key():
    read = read_machines("lab=vllm+http://lab:8000|sk-1=2,mac=lmstudio+https://mac.lan")
    assert [(one.name, one.kind, one.url, one.key.get_secret_value()) for one in read] == [
        ("lab", "vllm", "http://lab:8000", "sk-1=2"), ("mac", "lmstudio", "https://mac.lan", "")
    ]  # fmt: skip
    objects = [{"name": "lab", "kind": "vllm", "url": "http://lab:8000", "key": "sk-1=2"},
               {"name": "mac", "kind": "lmstudio", "url": "https://mac.lan"}]  # fmt: skip
    assert read_machines(objects) == read == read_machines(orjson.dumps(objects).decode())
    assert "sk-1" not in repr(read)


def test_a_machine_says_how_its_server_was_started():
    said = {"num_parallel": 4, "max_loaded_models": 2, "kv_cache_type": "q8_0", "flash_attention": False}
    (one,) = read_machines(orjson.dumps([{"name": "gpu", "url": "http://gpu"} | said]).decode())
    assert {name: getattr(one, name) for name in said} == said and one.kind == "ollama"


@pytest.mark.parametrize("text", [
    "http://10.0.0.5:11434", "https://box.lan/ollama", "http://[fd00::1]:11434/", "http://localhost:65535", "http://a_b.c",
])  # fmt: skip
def test_an_address_stays_as_it_was_given(text):
    assert machine_url(text) == text


@pytest.mark.parametrize("text", [
    "", "10.0.0.5:11434", "ftp://box", "file:///etc/passwd", "http://", "http://box:0", "http://box:65536", "http://box:port",
    "http://user:secret@box", "http://box@evil", "http://box/api", "http://box/api/chat", "http://box/v1", "http://box/../x",
    "http://box?x=1", "http://box#x", "http://box /", "http://b\nox", "http://bóx", "HTTP://box", "http://box\\x", " http://box",
])  # fmt: skip
def test_what_is_no_plain_address_is_refused(text):
    with pytest.raises(ValueError) as caught:
        machine_url(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "Gpu", "gpu_2", "gpu.2", "g" * 33, "gpu/2", "gpü", "gpu\n"])
def test_a_name_is_small_letters_digits_and_dashes(text):
    with pytest.raises(ValueError, match="letters"):
        machine_name(text)


@pytest.mark.parametrize(
    "value",
    [
        "box",
        "box=",
        "=http://b",
        "a=http://b,a=http://c",
        "local=http://b",
        5,
        ["box"],
        [["a"]],
        "[5",
        [{"name": "a"}],
        [{"name": "a", "url": "http://b", "key": 5}],
        [{"name": "a", "url": "http://b", "kinds": "vllm"}],
        [{"name": "a", "url": "http://b", "num_parallel": "4"}],
        [{"name": "a", "url": "http://b", "num_parallel": True}],
        [{"name": "a", "url": "http://b", "kv_cache_type": None}],
        [{"name": "a", "url": "http://b", "flash_attention": 1}],
        "a=vllm+ftp://secret|secret",
        "a=vllm+http://u:secret@h|secret",
    ],
)
def test_what_is_no_list_of_machines_is_refused(value):
    with pytest.raises(ValueError, match=r"\w") as caught:
        read_machines(value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("one", "other"), [
    ("http://localhost:11434", "http://127.0.0.1:11434/"), ("http://[::1]:11434", "http://LOCALHOST:11434"), ("http://box", "https://box:80"),
    ("http://box/ollama/", "http://Box:80/ollama"),
])  # fmt: skip
def test_two_spellings_of_one_place(one, other):
    assert place_of(one) == place_of(other)


def test_places_differ_by_host_port_and_base():
    urls = ["http://box", "http://box:11434", "http://box/a", "http://fox", "http://localhost", "http://box:99999999"]
    assert len({place_of(url) for url in urls}) == len(urls)
