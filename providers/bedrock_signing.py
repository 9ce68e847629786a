"""Who asks AWS: a bearer key, or an access key that signs each request (Signature Version 4, by botocore when it is installed).

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, docs.aws.amazon.com/bedrock/latest/
userguide/api-keys.html. The path of a request is escaped once more for its signature, as for all of AWS but S3.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from core.errors import ProviderAuthFailed

_JSON = "application/json"
_SERVICE = "bedrock"
#: Signing reads the whole body: above that size in a thread.
_SLOW_BYTES = 256 << 10
KEY_HINT = "Set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in .env."
_BOTOCORE_HINT = (
    "pip install botocore (it is in requirements-extras.in), or set AWS_BEARER_TOKEN_BEDROCK, which needs no botocore."
)


@dataclass(frozen=True, slots=True)
class Signer:
    """`bearer` wins when it is set; `session_token` belongs to access keys that are temporary."""

    region: str
    bearer: str = field(default="", repr=False)
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)

    async def headers(self, method: str, url: str, body: bytes | None) -> Mapping[str, str]:
        """What proves who asks. Raises ProviderAuthFailed without a key, and for an access key without botocore."""
        if self.bearer:
            return {"Authorization": f"Bearer {self.bearer}"}
        if not (self.access_key and self.secret_key):
            raise ProviderAuthFailed("AWS Bedrock needs a key.", hint=KEY_HINT)
        if not signing.cache_info().currsize:
            await asyncio.to_thread(signing)  # importing takes longer than the loop can wait
        if len(body or b"") > _SLOW_BYTES:
            return await asyncio.to_thread(self._signed, method, url, body)
        return self._signed(method, url, body)

    def _signed(self, method: str, url: str, body: bytes | None) -> dict[str, str]:
        content = {"Content-Type": _JSON} if body is not None else {}
        return signing()(self, method, url, body, content)


@cache
def signing() -> Callable[[Signer, str, str, bytes | None, dict[str, str]], dict[str, str]]:
    """(signer, method, url, body, headers) → the headers with the signature. Raises ProviderAuthFailed without botocore."""
    try:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
    except ImportError:
        raise ProviderAuthFailed("Signing requests to AWS Bedrock needs botocore.", hint=_BOTOCORE_HINT) from None

    def sign(signer: Signer, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> dict[str, str]:
        request: Any = AWSRequest(method, url, data=body or b"", headers=headers)
        keys = Credentials(signer.access_key, signer.secret_key, signer.session_token or None)
        SigV4Auth(keys, _SERVICE, signer.region).add_auth(request)
        return dict(request.headers.items())

    return sign
