"""A customer, as the shop's tokens name them."""

from dataclasses import dataclass, field
from hashlib import sha256

from gateway.digest import framed, framed_before, short_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """`subject` is unique within `issuer` only (RFC 7519, section 4.1.2), so both make a customer.

    `digest` stands for them wherever the text must not go: in the names of Redis fields, in the
    stream, in the ledger. It is 22 characters of base64url, the same for ever. `framed` is how both
    stand in front of other texts in a digest.
    """

    issuer: str
    subject: str
    digest: str = field(init=False, compare=False)
    framed: bytes = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Computed once: a customer comes out of the token cache for every click.
        both = framed_before(self.issuer) + framed(self.subject)
        object.__setattr__(self, "framed", both)
        object.__setattr__(self, "digest", short_text(sha256(both).digest()))
