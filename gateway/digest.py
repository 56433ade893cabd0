"""Digests of several texts together, the same wherever one is computed.

Each text goes in with its length before it, so that no two lists of texts read the same:
("ab", "c") and ("a", "bc") must not be one customer. TupleHash does so for the same reason (NIST
SP 800-185, section 5).
"""

from base64 import urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256
from typing import Final

# 128 bits: with a billion customers, two share a digest with a probability of 10^-21.
SHORT_BYTES = 16


def digest(*texts: str) -> bytes:
    """The 32 bytes of SHA-256 over the texts as they are framed, one after the other."""
    return sha256(b"".join([framed(text) for text in texts])).digest()


def framed(text: str) -> bytes:
    """The text as UTF-8, after its length in four bytes."""
    encoded = text.encode()
    return len(encoded).to_bytes(4, "big") + encoded


# For texts that stand in many digests: a gateway has one issuer, and few sales.
framed_before: Final = lru_cache(maxsize=1024)(framed)


def short_text(full: bytes) -> str:
    """The first 16 bytes as 22 characters of base64url (RFC 4648, section 5), without padding."""
    return urlsafe_b64encode(full[:SHORT_BYTES])[:22].decode("ascii")
