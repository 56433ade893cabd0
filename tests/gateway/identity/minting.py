"""Tokens as no library of ours would make them: any header, any claims, correctly signed."""

import base64
import hashlib
import hmac
import json

SECRET = "a secret of more than 32 bytes, as HS256 wants"
ISSUER = "https://shop.example"
AUDIENCE = "doorbuster"
NOW = 1_795_770_000.0
HEADER = {"alg": "HS256", "typ": "JWT"}


def claims(**changes: object) -> dict[str, object]:
    """Claims that are accepted, but for the changes; a change to None leaves a claim out."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": int(NOW) + 600}
    return {name: value for name, value in (good | changes).items() if value is not None}


def mint(payload: object, header: object = HEADER, *, secret: str = SECRET) -> bytes:
    """A token signed with HMAC SHA-256, whatever its header says."""
    payload = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signed = base64url(json.dumps(header).encode()) + b"." + base64url(payload)
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return signed + b"." + base64url(signature)


def base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
