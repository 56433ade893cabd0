"""Who may make a call: the one place where endpoints ask."""

from starlette.types import Scope

from gateway.asgi import header
from gateway.identity.api_keys import PREFIX, ApiKey, ApiKeys, KeyScope
from gateway.identity.bearer import bearer
from gateway.identity.customer import Customer
from gateway.identity.tokens import Tokens
from gateway.problems import FORBIDDEN, Refusal


class Callers:
    """Every method raises a Refusal: 401 without valid credentials, 403 for the wrong kind."""

    def __init__(self, tokens: Tokens, api_keys: ApiKeys) -> None:
        self._tokens = tokens
        self._api_keys = api_keys

    async def customer(self, scope: Scope) -> Customer:
        """The customer who calls."""
        return await self._tokens.verify(_token(_authorization(scope)))

    def customer_at_once(self, authorization: bytes | None) -> Customer | None:
        """The same by that header, without waiting; None where only `customer` can tell."""
        return self._tokens.verify_at_once(_token(authorization))

    async def machine(self, scope: Scope, key_scope: KeyScope) -> ApiKey:
        """The API key that calls, which may do that."""
        credentials = bearer(_authorization(scope))
        if credentials.startswith(PREFIX):
            return await self._api_keys.verify(credentials, key_scope)
        await self._tokens.verify(credentials)
        raise Refusal(FORBIDDEN.because(f"This call needs an API key of scope {key_scope}."))

    async def customer_or_machine(self, scope: Scope, key_scope: KeyScope) -> Customer | ApiKey:
        """Either of them."""
        credentials = bearer(_authorization(scope))
        if credentials.startswith(PREFIX):
            return await self._api_keys.verify(credentials, key_scope)
        return await self._tokens.verify(credentials)


def _authorization(scope: Scope) -> bytes | None:
    return header(scope, b"authorization")


def _token(authorization: bytes | None) -> bytes:
    credentials = bearer(authorization)
    if credentials.startswith(PREFIX):
        raise Refusal(FORBIDDEN.because("This call is for customers, not for API keys."))
    return credentials
