"""Digests of several texts together, the same wherever one is computed.

Each text goes in with its length before it, so that no two lists of texts read the same:
("ab", "c") and ("a", "bc") must not be one customer. TupleHash does so for the same reason (NIST
SP 800-185, section 5).
"""

from base64 import urlsafe_b64encode
from hashlib import sha256

# 128 bits: with a billion customers, two share a digest with a probability of 10^-21.
SHORT_BYTES = 16


def digest(*texts: str) -> bytes:
    """The 32 bytes of SHA-256 over the texts, each as UTF-8 after its length in four bytes."""
    encoded = [text.encode() for text in texts]
    return sha256(b"".join([len(each).to_bytes(4, "big") + each for each in encoded])).digest()


def short_text(full: bytes) -> str:
    """The first 16 bytes as 22 characters of base64url (RFC 4648, section 5), without padding."""
    return urlsafe_b64encode(full[:SHORT_BYTES])[:22].decode("ascii")
