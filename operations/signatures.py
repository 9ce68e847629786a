"""Signing of webhooks by the Standard Webhooks specification 1.0.0.

webhook-id         the same for every attempt, so that a receiver can drop what it has seen
webhook-timestamp  seconds since 1970 of this attempt
webhook-signature  `v1,` and base64 of HMAC-SHA256(secret, id.timestamp.body); several during a rotation
"""

import base64
import binascii
import hmac
from collections.abc import Sequence

from core.errors import InvalidField

_PREFIX = "whsec_"
_MIN_BYTES, _MAX_BYTES = 24, 64


def read_secret(text: str) -> bytes:
    """The bytes of a `whsec_…` secret; the specification asks for 24 to 64 of them. Raises InvalidField."""
    encoded = text.strip().removeprefix(_PREFIX)
    try:
        secret = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not _MIN_BYTES <= len(secret) <= _MAX_BYTES:
        raise InvalidField(
            "WEBHOOK_SECRET is not whsec_ and 24 to 64 bytes of base64.",
            field="WEBHOOK_SECRET",
            hint="Delete the line from .env and start again: ./start.sh makes a fresh secret.",
        )
    return secret


class Signer:
    """Signs with every secret it holds, the newest first."""

    def __init__(self, secrets: str | Sequence[str]):
        self._secrets = [read_secret(text) for text in ([secrets] if isinstance(secrets, str) else secrets)]
        if not self._secrets:
            raise ValueError("a signer needs a secret")

    def headers(self, message_id: str, at: float, body: bytes) -> dict[str, str]:
        """The three headers for one attempt at `at` (seconds since 1970)."""
        timestamp = str(int(at))
        signed = f"{message_id}.{timestamp}.".encode() + body
        marks = [base64.b64encode(hmac.digest(secret, signed, "sha256")).decode("ascii") for secret in self._secrets]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
        }
