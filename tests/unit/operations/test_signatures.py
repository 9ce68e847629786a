"""Signatures, with the `standardwebhooks` package as the receiver."""

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from core.errors import InvalidField
from core.secrets import new_webhook_secret
from operations.signatures import Signer, read_secret

SECRET, OTHER = new_webhook_secret(), new_webhook_secret()


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4))
def test_the_reference_accepts_what_is_signed(content):
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    headers = Signer(SECRET).headers("msg_1", time.time(), body)
    assert Webhook(SECRET).verify(body, headers) == json.loads(body)


def test_the_published_example():
    """The vector of the specification's libraries."""
    headers = Signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330" and headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.parametrize("change", ["body", "id", "timestamp", "secret"])
def test_the_reference_refuses_what_was_changed(change):
    body = b'{"a":1}'
    headers = Signer(OTHER if change == "secret" else SECRET).headers("msg_1", time.time(), body)
    if change == "id":
        headers["webhook-id"] = "msg_2"
    if change == "timestamp":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b'{"a":2}' if change == "body" else body, headers)


def test_while_a_secret_rotates_both_receivers_are_served():
    headers = Signer([SECRET, OTHER]).headers("msg_1", time.time(), b"{}")
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(b"{}", headers) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_short",
        "whsec_***",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        base64.b64encode(b"x" * 65).decode(),
        "ç" * 40,
    ],
)
def test_a_bad_secret_is_refused_and_not_shown(text):
    with pytest.raises(InvalidField) as raised:
        Signer(text)
    assert raised.value.field == "WEBHOOK_SECRET" and (len(text) < 8 or text not in raised.value.detail)


def test_secrets_are_read_with_and_without_their_prefix_and_padding():
    assert read_secret(SECRET) == read_secret(SECRET.removeprefix("whsec_")) == read_secret(SECRET.rstrip("="))
