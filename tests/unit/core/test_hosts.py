import pytest

from core.hosts import Host, read_hosts


def test_short_lists_json_and_objects_say_the_same() -> None:
    short = read_hosts("corp = https://llm.corp/v1|KEY, box=http://10.0.0.5:8000/v1,", {})
    json = read_hosts('[{"name":"corp","base_url":"https://llm.corp/v1","api_key":"KEY"},{"name":"box","base_url":"http://10.0.0.5:8000/v1"}]', {})  # fmt: skip
    assert short == json and [host.name for host in short] == ["corp", "box"]
    assert short[0].api_key.get_secret_value() == "KEY" and "KEY" not in repr(short)
    assert read_hosts(short, {}) == short and read_hosts("", {}) == ()


def test_a_key_may_stand_in_a_variable() -> None:
    (host,) = read_hosts([{"name": "Corp", "api_key_env": "CORP_KEY", "models": ["a"], "max_retries": 3}], {"CORP_KEY": " k "})
    assert host == Host("corp", api_key=host.api_key, models=("a",)) and host.api_key.get_secret_value() == "k"
    (host,) = read_hosts([{"name": "corp", "api_key_env": "CORP_KEY"}], {})
    assert host.api_key.get_secret_value() == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("https://llm.corp/v1", "name=url"),
        ("auto=http://x", "cannot be the name"),
        ("a b=http://x", "cannot be the name"),
        ("a=ftp://x", "must begin with http"),
        ("a=http://me:secret@x", "does not belong"),
        ("a=http://x,a=http://y", "two hosts"),
        ("[{", "not JSON"),
        ("[1]", "an object"),
        ({"a": 1}, "a list"),
        ([{"name": "a", "url": "http://x"}], "unknown member url"),
        ([{"name": "a", "models": "m"}], "models is a list"),
        ([{"name": "a", "enabled": "no"}], "true or false"),
        ([{"name": "a", "timeout": -1}], "seconds"),
    ],
)
def test_what_is_no_list_of_hosts_is_refused_without_its_secrets(value: object, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        read_hosts(value, {})
    assert "secret" not in str(caught.value)
