"""Sealing, hashing and comparing of secrets."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidField
from core.secrets import (
    Keyring,
    SecretUnreadable,
    associated_data,
    derive,
    digest,
    new_api_key,
    new_secret_key,
    new_webhook_secret,
    read_secret_key,
)

KEY, OTHER = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=", "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A="
AAD = associated_data("jobs", "a1", "gemini_api_key")


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_what_is_sealed_opens_again(plain, aad):
    ring = Keyring(KEY)
    sealed = ring.encrypt(plain, aad)
    assert len(sealed) == len(plain) + 29
    assert ring.decrypt(sealed, aad) == plain
    assert len(plain) < 4 or plain not in sealed


@pytest.mark.parametrize(
    "place",
    [("jobs", "a2", "gemini_api_key"), ("keys", "a1", "gemini_api_key"), ("jobs", "a1", "webhook"), ("jobs", "", "")],
)
def test_a_value_copied_to_another_place_does_not_open(place):
    ring = Keyring(KEY)
    with pytest.raises(SecretUnreadable):
        ring.decrypt(ring.encrypt(b"AIza-secret", AAD), associated_data(*place))


def test_every_changed_byte_is_noticed():
    ring = Keyring(KEY)
    sealed = ring.encrypt(b"AIza-secret", AAD)
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1
        with pytest.raises(SecretUnreadable):
            ring.decrypt(bytes(changed), AAD)


@pytest.mark.parametrize("size", [0, 1, 12, 13, 28])
def test_a_stump_is_unreadable_and_not_a_crash(size):
    with pytest.raises(SecretUnreadable):
        Keyring(KEY).decrypt(Keyring(KEY).encrypt(b"x", AAD)[:size], AAD)


def test_two_seals_of_the_same_secret_differ():
    ring = Keyring(KEY)
    assert len({ring.encrypt(b"same", AAD) for _ in range(200)}) == 200


def test_the_former_key_still_opens_and_the_first_one_seals():
    sealed = Keyring(OTHER).encrypt(b"old", AAD)
    with pytest.raises(SecretUnreadable):
        Keyring(KEY).decrypt(sealed, AAD)
    both = Keyring([KEY, OTHER])
    assert both.decrypt(sealed, AAD) == b"old"
    assert Keyring(KEY).decrypt(both.encrypt(b"fresh", AAD), AAD) == b"fresh"


def test_keys_that_share_an_id_byte_both_open():
    keys = [new_secret_key() for _ in range(300)]
    sealed = [Keyring(key).encrypt(str(n).encode(), AAD) for n, key in enumerate(keys)]
    assert len({value[0] for value in sealed}) < len(keys)
    ring = Keyring(keys)
    assert [ring.decrypt(value, AAD) for value in sealed] == [str(n).encode() for n in range(300)]


def test_a_part_with_the_separator_is_refused():
    with pytest.raises(ValueError):
        associated_data("jobs", "a|b", "c")


def test_a_secret_key_is_read_with_and_without_padding():
    assert read_secret_key(KEY) == read_secret_key(KEY.rstrip("=")) == read_secret_key(f" {KEY}\n")
    assert len(read_secret_key(KEY)) == 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "ç" * 43,
        base64.urlsafe_b64encode(b"x" * 31).decode(),
        base64.urlsafe_b64encode(b"x" * 33).decode(),
        KEY + "!",
        "A" * 41,
    ],
)
def test_a_bad_secret_key_says_what_to_do_and_never_shows_itself(text):
    with pytest.raises(InvalidField) as raised:
        Keyring(text)
    assert raised.value.field == "SECRET_KEY" and raised.value.hint
    assert not text or text not in raised.value.detail


def test_purposes_give_unrelated_keys():
    key = read_secret_key(KEY)
    assert len({key, derive(key, "seal"), derive(key, "api-keys")}) == 3


def test_digest_depends_on_the_whole_key_and_on_the_pepper():
    pepper = derive(read_secret_key(KEY), "api-keys")
    key = new_api_key("pbpm-")
    twins = [key[:-1] + "!", key[1:], key + "a", key.upper(), key + "\x00"]
    assert len({digest(text, pepper) for text in [key, *twins]}) == 6
    assert digest(key, pepper) == digest(key, pepper) != digest(key, b"other")
    assert len(digest("\ud800ç", pepper)) == 32


def test_made_keys_have_their_form():
    key = new_api_key("pbpm-")
    assert key.startswith("pbpm-") and len(key) == 5 + 43
    assert len({new_api_key("") for _ in range(100)}) == 100
    secret = new_webhook_secret()
    assert secret.startswith("whsec_") and len(base64.b64decode(secret[6:], validate=True)) == 32
