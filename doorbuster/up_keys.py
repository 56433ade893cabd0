"""The API keys that `up` makes for its user, and leaves in connection.json."""

import secrets

from doorbuster.connection import Connection
from gateway.identity.api_keys import digest_of, new_key
from sql.database import Database
from sql.keys import Scope, create_key, find_key


async def admin_and_settle_keys(database: Database, left: Connection | None) -> tuple[str, str]:
    """Return a valid key for each scope: what `up` left when it ran before, or a new one."""
    return (
        await _key(database, Scope.ADMIN, left.admin_key if left else None),
        await _key(database, Scope.SETTLE, left.settle_key if left else None),
    )


async def _key(database: Database, scope: Scope, left: str | None) -> str:
    if left is not None and await _is_valid(database, scope, left):
        return left
    key = new_key()
    # The name of a revoked key stays taken, so each new one has another.
    name = f"up-{scope}-{secrets.token_hex(4)}"
    await create_key(database, digest=digest_of(key.encode()), name=name, scope=scope)
    return key


async def _is_valid(database: Database, scope: Scope, key: str) -> bool:
    found = await find_key(database, digest_of(key.encode()))
    return found is not None and found.scope == scope
