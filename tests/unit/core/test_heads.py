import pytest

from core.heads import request_head


@pytest.mark.parametrize(
    ("name", "value"), [("X-A", "1\r\nX-B: 2"), ("X-A", "1\n2"), ("X-A", "1\r2"), ("X\r\nA", "1"), ("X-A", "\0"), ("X-A", "ł")]
)
def test_a_header_cannot_smuggle_another(name: str, value: str) -> None:
    with pytest.raises(ValueError):
        request_head("GET", "http://host/", {name: value}, None, None)


def test_a_head_says_what_it_is_told() -> None:
    origin, head = request_head("POST", "http://host:1/v1?a=b", {"X-A": "é"}, "application/json", 3)
    assert origin == ("http", "host", 1)
    assert head == (
        b"POST /v1?a=b HTTP/1.1\r\nHost: host:1\r\nAccept: */*\r\nAccept-Encoding: identity\r\nUser-Agent: myelin\r\n"
        b"X-A: \xe9\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n"
    )


def test_the_type_of_the_content_is_told_once() -> None:
    _, head = request_head("POST", "http://host/", {"Content-Type": "text/plain"}, "application/json", 3)
    assert head.count(b"Content-Type") == 1 and b"text/plain" in head


@pytest.mark.parametrize("url", ["ftp://host/", "http://", "http://host/a b", "http://host/\0", "http://host/é"])
def test_what_is_no_address_has_no_head(url: str) -> None:
    with pytest.raises(ValueError):
        request_head("GET", url, {}, None, None)
