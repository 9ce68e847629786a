"""Secrets at rest: AES-256-GCM for rows, HMAC-SHA256 for API keys.

A sealed value is `key id (1 byte) | nonce (12 bytes) | ciphertext and tag`, after NIST SP 800-38D with a random 96-bit
nonce. The associated data names the table, the row and the purpose, so that a value copied to another row does not open.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import InvalidField, MyelinError

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HINT = 12


class SecretUnreadable(MyelinError):
    """A sealed value was made with another key, for another row, or was changed."""

    code, title = "secret_unreadable", "A stored secret cannot be opened"
    default_hint = "Put the SECRET_KEY that was in use when it was stored back into .env."


def new_secret_key() -> str:
    """32 random bytes as URL-safe base64: a value for SECRET_KEY."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")


def new_webhook_secret() -> str:
    """`whsec_` and 32 random bytes as base64, the form of the Standard Webhooks specification."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def new_api_key(prefix: str) -> str:
    """`prefix` and 256 random bits as URL-safe text: the credential itself, to be shown once and stored as a digest."""
    return prefix + secrets.token_urlsafe(32)


def read_secret_key(text: str) -> bytes:
    """The 32 bytes of a SECRET_KEY, with or without base64 padding. Raises InvalidField."""
    try:
        key = base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise InvalidField(
            "SECRET_KEY is not 32 bytes of URL-safe base64.",
            field="SECRET_KEY",
            hint="Delete the line from .env and start again: ./start.sh makes a fresh key.",
        )
    return key


def derive(key: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose, so that no two uses share key material: HMAC-SHA256(key, purpose)."""
    return hmac.digest(key, purpose.encode(), "sha256")


def hint_of(key: str) -> str:
    """The beginning of an API key, by which people know it again."""
    return key[:_HINT]


def digest(key: str, pepper: bytes) -> bytes:
    """HMAC-SHA256 of an API key: 32 bytes to store and to look up by. Keys carry 256 random bits, so a slow hash adds nothing."""
    return hmac.digest(pepper, key.encode("utf-8", "surrogatepass"), "sha256")


def associated_data(table: str, row_id: str, purpose: str) -> bytes:
    """`table|row id|purpose`. Raises ValueError when a part holds the separator, which would make two rows look alike."""
    if any("|" in part for part in (table, row_id, purpose)):
        raise ValueError("associated data must not hold '|'")
    return "|".join((table, row_id, purpose)).encode()


class Keyring:
    """Seals with the first key and opens with any: after a change of SECRET_KEY the former one stays as the second."""

    def __init__(self, secret_keys: str | Sequence[str]):
        texts = [secret_keys] if isinstance(secret_keys, str) else list(secret_keys)
        if not texts:
            raise ValueError("a keyring needs a key")
        keys = [derive(read_secret_key(text), "seal") for text in texts]
        self._ciphers = [(hashlib.sha256(key).digest()[:1], AESGCM(key)) for key in keys]

    def encrypt(self, plain: bytes, aad: bytes) -> bytes:
        """`plain` sealed for the place that `aad` names; 29 bytes longer."""
        key_id, cipher = self._ciphers[0]
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return key_id + nonce + cipher.encrypt(nonce, plain, aad)

    def decrypt(self, sealed: bytes, aad: bytes) -> bytes:
        """What was sealed for the same `aad`. Raises SecretUnreadable."""
        key_id, nonce, ciphertext = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if len(ciphertext) >= _TAG_BYTES:
            # Ids are one byte of a hash: two keys may share one, so every cipher of that id is tried.
            for cipher in (cipher for known, cipher in self._ciphers if known == key_id):
                try:
                    return cipher.decrypt(nonce, ciphertext, aad)
                except InvalidTag:
                    continue
        raise SecretUnreadable("A stored secret cannot be opened with the present SECRET_KEY.")
