"""Signature Version 4 as AWS verifies it, from its documentation alone; nothing of botocore and nothing of the house.

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote

ACCESS_KEY, SECRET_KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
_FORM = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=(\S+), Signature=(\w{64})"
)


def is_signed(method: str, target: str, headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str], region: str) -> bool:
    """`target` is the path and the query exactly as they came; `headers` have small letters."""
    found = _FORM.fullmatch(headers.get("authorization", ""))
    if found is None or found[1] not in secrets or (found[3], found[4]) != (region, "bedrock"):
        return False
    names = found[5].split(";")
    if not {"host", "x-amz-date"} <= set(names) or names != sorted(names):
        return False
    path, _, query = target.partition("?")
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in parse_qsl(query, keep_blank_values=True))
    canonical = "\n".join([
        method,
        "/".join(quote(segment, safe="~") for segment in path.split("/")),  # what is escaped already is escaped again
        "&".join(f"{name}={value}" for name, value in pairs),
        *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in names),
        "",
        found[5],
        hashlib.sha256(body).hexdigest(),
    ])  # fmt: skip
    scope = f"{found[2]}/{region}/bedrock/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secrets[found[1]]}".encode()
    for part in (found[2], region, "bedrock", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), found[6])
