"""Which addresses and which spellings of a URL are taken."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.addresses import AddressPolicy, Url, is_public, read_url
from core.errors import InvalidField

POLICY = AddressPolicy()


def words(text):
    return text.split()


CLOSED = words("""
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254
169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.7
203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 168.63.129.16
:: ::1 ::2 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:7f00:1 ::ffff:0:127.0.0.1
64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 64:ff9b:1::8.8.8.8 2002:7f00:1:: 2002:a00:1::1 2002:c0a8:101::
2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:db8::1 3fff::1 5f00::1 100::1 fc00::1 fd00:ec2::254
fd12:3456::1 fe80::1 fe80::1%eth0 2606:4700::1%1 fec0::1 ff02::1 ff0e::1 4000::1 8000::1 e000::1
""")
OPEN = words("""
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255
172.32.0.0 192.0.1.1 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 168.63.129.15
2606:4700:4700::1111 2a00:1450:4001::1 2001:4860:4860::8888 2400:cb00::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1
""")

# Every one of these means, or is read by some parser as, an address inside; or it hides the host it means.
SPELLINGS = [
    *(f"http://{address}/" for address in CLOSED if ":" not in address),
    *(f"https://[{address}]/" for address in CLOSED if ":" in address),
    # numbers that inet_aton takes for 127.0.0.1 or 169.254.169.254
    "http://2130706433/", "http://017700000001/", "http://0x7f000001/", "http://0x7F.1/", "http://127.1/", "http://127.0.1/",
    "http://0177.0.0.1/", "http://0x7f.0x0.0x0.0x1/", "http://127.0.0.01/", "http://00000127.0.0.1/", "http://2852039166/",
    "http://0xa9fea9fe/", "http://0251.0376.0251.0376/", "http://169.254.43518/", "http://169.16689662/", "http://1.1/", "http://0/",
    "http://0x0/", "http://1/", "http://127.0.0.1.0x/", "http://256.256.256.256/", "http://1.2.3.4.5/", "http://4294967297/",
    "http://8.8.8.8.9/", "http://0x08080808/", "http://evil.com.0x1/", "http://a.1/",
    # names that stay inside
    "http://localhost/", "http://LOCALHOST/", "http://localhost:8080/", "http://foo.localhost/", "http://metadata/", "http://ollama/",
    "http://printer.local/", "http://metadata.google.internal/", "http://db.lan/", "http://router.home.arpa/",
    "http://1.0.0.127.in-addr.arpa/", "http://x.onion/", "http://intra.intranet/",
    # user names, backslashes, other hosts behind an @
    "http://user@example.com/", "http://user:pw@example.com/", "http://example.com@127.0.0.1/", "http://127.0.0.1@example.com/",
    "http://example.com%40127.0.0.1/", "http://@example.com/", "http://:@example.com/", "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1\\.example.com/", "http:\\\\127.0.0.1\\", "http://example.com\\x", "\\\\127.0.0.1\\c$", "http:/\\example.com/",
    "http://example.com/a\\b",
    # dots, letters and white space
    "http://localhost./", "http://127.0.0.1./", "http://example.com./", "http://example..com/", "http://.example.com/", "http://./",
    "http://-a.com/", "http://a-.com/", "http://exa%6dple.com/", "http://%31%32%37.0.0.1/", "http://127。0。0。1/", "http://①②⑦.⓪.⓪.①/",
    "http://ⓛocalhost/", "http://locaⅼhost/", "http://１２７.0.0.1/", "http://exämple.com/", "http://ﬁle.com/", "http://examp\u00adle.com/",
    "http://example\u200b.com/", "http://example\u2044com/", "http://example.com\u3002/", "http://a\u0130.com/",
    " http://example.com/", "http://example.com/ ", "http://example.com/\n", "http://example.com\n/", "http://example.com\r\nHost: a/",
    "\thttp://example.com/", "ht\ttp://example.com/", "http://exa\tmple.com/", "http://127.0.\t0.1/", "http://example.com/\x00",
    "http://example.com\x00.evil/", "http://example.com /", "http:// example.com/", "http://example.com/a b", "http://example.com/ç",
    # schemes and forms
    "", "example.com", "//example.com/", "/x", "ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1:70/_", "javascript:1",
    "data:,x", "ws://example.com/", "HTTP://example.com/", "hTTp://example.com/", "http:example.com", "http:/example.com/", "http:///example.com/",
    "http://", "http:///", "http://?x", "http://#x", "http://example.com/#a", "http://example.com#@127.0.0.1/", "jar:http://example.com!/",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/", "unix:/var/run/docker.sock", "dict://127.0.0.1:11211/", "ldap://127.0.0.1/",
    "url:http://example.com/", "http://http://example.com/", "https:https://example.com/", "http://example.com/<x>", "http://example.com/|",
    # ports
    "http://example.com:22/", "http://example.com:25/", "http://example.com:0/", "http://example.com:65536/", "http://example.com:99999/",
    "http://example.com:/", "http://example.com:80:80/", "http://example.com:-80/", "http://example.com:+80/", "http://example.com:８０/",
    "http://example.com:8 0/", "http://example.com:6379/", "http://example.com:11434/", "https://example.com:8000/", "http://1.1.1.1:53/",
    # brackets
    "http://[::1/", "http://::1/", "http://[]/", "http://[1]/", "http://[::1]a/", "http://[::1%25eth0]/", "http://[127.0.0.1]/",
    "http://[::ffff:0x7f.1]/", "http://[v1.x]/", "http://[::127.0.0.1]:80/", "http://[0:0:0:0:0:ffff:7f00:1]/", "http://[::FFFF:7F00:1]/",
    "http://[0000::0001]/", "http://[::1]:8080/", "http://[[::1]]/",
    "http://example.com/" + "a" * 2048, "http://" + "a." * 130 + "com/", "http://" + "a" * 64 + ".com/",
]  # fmt: skip


@pytest.mark.parametrize("address", CLOSED)
def test_closed_addresses(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", OPEN)
def test_open_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.0.0.1", "1.2.3", "1.2.3.4 ", "[::1]", "١.١.١.١", "8.8.8.8/32"])
def test_text_that_is_no_address_is_not_public(text):
    assert not is_public(text)


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_judged_like_itself(address):
    number = int(address)
    embedded = [(0xFFFF << 32) | number, (0x64FF9B << 96) | number, (0x2002 << 112) | (number << 80)]
    assert {is_public(ipaddress.IPv6Address(value)) for value in embedded} == {is_public(address)}


@given(st.ip_addresses())
def test_nothing_that_the_standard_library_calls_private_is_public(address):
    if is_public(address) and not getattr(address, "sixtofour", None) and not getattr(address, "ipv4_mapped", None):
        assert not (
            address.is_private or address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
        )


def test_there_are_enough_spellings():
    assert len(set(SPELLINGS)) >= 200


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_dangerous_spelling_is_refused_and_named(text):
    with pytest.raises(InvalidField) as raised:
        read_url(text, POLICY)
    assert raised.value.field == "Webhook-URL"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.com", Url("https", "example.com", 443, "/")),
        ("https://example.com/", Url("https", "example.com", 443, "/")),
        ("http://EXAMPLE.com/Path?x=%20&y=a@b:c", Url("http", "example.com", 80, "/Path?x=%20&y=a@b:c")),
        ("https://example.com?x=1", Url("https", "example.com", 443, "/?x=1")),
        ("https://hooks.xn--exmple-cua.com:8443/a/b", Url("https", "hooks.xn--exmple-cua.com", 8443, "/a/b")),
        ("http://8.8.8.8:8080/x", Url("http", "8.8.8.8", 8080, "/x")),
        ("https://[2606:4700:4700:0::1111]/x", Url("https", "2606:4700:4700::1111", 443, "/x")),
        ("https://a_b.example.com/", Url("https", "a_b.example.com", 443, "/")),
        ("https://127.0.0.1.nip.io/", Url("https", "127.0.0.1.nip.io", 443, "/")),
    ],
)
def test_plain_urls_are_read_in_parts(text, url):
    assert read_url(text, POLICY) == url
    assert read_url(str(url), POLICY) == url


def test_authority_shows_the_port_only_when_it_is_not_the_scheme_s_own():
    assert read_url("http://example.com:80/", POLICY).authority == "example.com"
    assert read_url("https://example.com:80/", POLICY).authority == "example.com:80"
    assert read_url("http://[2606:4700::1]:8080/", POLICY).authority == "[2606:4700::1]:8080"


def test_the_operator_opens_exact_pairs_only():
    policy = AddressPolicy.of(["127.0.0.1:9000", " Hooks.LAN:8080 ", "[0::1]:9001"])
    for text in ("http://127.0.0.1:9000/x", "http://hooks.lan:8080/", "https://HOOKS.lan:8080/", "http://[::1]:9001/"):
        read_url(text, policy)
    for text in (
        "http://127.0.0.1:9001/",
        "http://127.0.0.1/",
        "http://127.0.0.2:9000/",
        "http://hooks.lan/",
        "http://a.hooks.lan:8080/",
        "http://127.1:9000/",
    ):
        with pytest.raises(InvalidField):
            read_url(text, policy)


@pytest.mark.parametrize(
    "target",
    [
        "hooks.lan",
        "hooks.lan:",
        "hooks.lan:0",
        "hooks.lan:70000",
        "http://hooks.lan:80",
        "a b:80",
        "hooks.lan:80/x",
        "*:80",
        "127.1:80",
        "",
    ],
)
def test_a_bad_target_of_the_operator_is_named(target):
    with pytest.raises(InvalidField) as raised:
        AddressPolicy.of([target])
    assert raised.value.field == "WEBHOOK_ALLOWED_TARGETS"
