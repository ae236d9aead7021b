"""Signatures of calls to others, as https://www.standardwebhooks.com describes them (version 1.0)."""

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"


def signed_headers(secret: bytes, *, call_id: str, sent_at: int, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks 1.0: HMAC-SHA256 over id, time in Unix seconds and body."""
    digest = hmac.digest(secret, f"{call_id}.{sent_at}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": call_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def read_secret(text: str) -> bytes:
    """Read a secret as Standard Webhooks writes it, `whsec_` and base64 of 24 to 64 bytes.

    Raises ValueError, without the secret in its text.
    """
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        secret = b""
    if not 24 <= len(secret) <= 64:  # noqa: PLR2004 -- the standard's bounds
        raise ValueError("must be whsec_ and the base64 form of 24 to 64 random bytes")
    return secret
