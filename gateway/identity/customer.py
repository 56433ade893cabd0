"""A customer, as the shop's tokens name them."""

from dataclasses import dataclass, field

from gateway.digest import digest, short_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """`subject` is unique within `issuer` only (RFC 7519, section 4.1.2), so both make a customer.

    `digest` stands for them wherever the text must not go: in the names of Redis fields, in the
    stream, in the ledger. It is 22 characters of base64url, the same for ever.
    """

    issuer: str
    subject: str
    digest: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # Computed once: a customer comes out of the token cache for every click.
        object.__setattr__(self, "digest", short_text(digest(self.issuer, self.subject)))
