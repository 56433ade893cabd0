"""Who calls: a customer by a token of the shop, or a machine by an API key of ours."""

from gateway.identity.api_keys import ApiKey, ApiKeys, KeyScope
from gateway.identity.callers import Callers
from gateway.identity.customer import Customer
from gateway.identity.signing_keys import PublishedKeys, StaticKey, UnusableKey
from gateway.identity.tokens import Tokens

__all__ = [
    "ApiKey",
    "ApiKeys",
    "Callers",
    "Customer",
    "KeyScope",
    "PublishedKeys",
    "StaticKey",
    "Tokens",
    "UnusableKey",
]
