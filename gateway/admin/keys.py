"""`/v1/admin/keys`: make API keys, list and revoke them."""

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.answers import page, shown
from gateway.admin.operators import Operators, body_of
from gateway.identity.api_keys import digest_of, new_key
from gateway.openapi import ADMIN, Call, Link, Operation, Parameter, Success, Tag
from gateway.problems import KEY_EXISTS, UNKNOWN_KEY, Refusal
from gateway.query import MAX_ITEMS, Limit, parse_query
from gateway.representation import moment
from sql import keys
from sql.database import Database
from sql.keys import KeyEntry, Scope

KEYS: Final = "/v1/admin/keys"
KeyName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
# The command line makes keys of any name.
LastName = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*$")]
ScopeName = Literal["admin", "settle"]


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[KeyName, Field(description="never used again, not even after it is revoked")]
    scope: ScopeName = "settle"


class MadeKey(BaseModel):
    """A key, shown this once: it is stored as a digest."""

    name: str
    scope: ScopeName
    key: str


class KeyBody(BaseModel):
    """A key, without what it is."""

    name: str
    scope: ScopeName
    created_at: AwareDatetime
    revoked_at: AwareDatetime | None


class KeyPage(BaseModel):
    """Some keys; `next` is where the following ones are."""

    items: list[KeyBody]
    next: str | None


class KeysQuery(BaseModel):
    """Which keys."""

    limit: Limit = MAX_ITEMS
    after: Annotated[LastName | None, Field(description="the last name of the page before")] = None


_NEW: Final = TypeAdapter(NewKey)
_NAME: Final = Parameter(
    "name", "path", {"type": "string", "pattern": "^[^/]+$"}, "What the key is called."
)

CREATE_KEY: Final = Operation(
    method="POST",
    id="createKey",
    summary="Make an API key; it is shown this once",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    body=NewKey,
    successes=(
        Success(
            status=201,
            description="The key.",
            body=MadeKey,
            links=(
                Link(
                    name="revokeKey",
                    operation_id="revokeKey",
                    parameters={"name": "$response.body#/name"},
                ),
            ),
        ),
    ),
    problems=(KEY_EXISTS,),
)

LIST_KEYS: Final = Operation(
    method="GET",
    id="listKeys",
    summary="API keys by name, without what they are",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    query=KeysQuery,
    successes=(Success(status=200, description="A page.", body=KeyPage),),
)

REVOKE_KEY: Final = Operation(
    method="DELETE",
    id="revokeKey",
    summary="Revoke an API key; gateways forget it within seconds",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(_NAME,),
    successes=(Success(status=204, description="It is revoked."),),
    problems=(UNKNOWN_KEY,),
)


class KeyDesk:
    """The endpoints."""

    def __init__(self, database: Database, operators: Operators) -> None:
        self._database = database
        self._operators = operators

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        return [
            Call(KEYS, self.create, CREATE_KEY),
            Call(KEYS, self.browse, LIST_KEYS),
            Call(f"{KEYS}/{{name}}", self.revoke, REVOKE_KEY),
        ]

    async def create(self, request: Request) -> Response:
        """Make a key."""
        actor = await self._operators.actor(request)
        wanted, key = await body_of(request, _NEW), new_key()
        scope = Scope(wanted.scope)
        digest = digest_of(key.encode())
        created = await keys.create_key(
            self._database, digest=digest, name=wanted.name, scope=scope, actor=actor
        )
        if not created:
            raise Refusal(KEY_EXISTS)
        return shown({"name": wanted.name, "scope": scope, "key": key}, status=201)

    async def browse(self, request: Request) -> Response:
        """A page of keys."""
        await self._operators.actor(request)
        wanted = parse_query(request, KeysQuery)
        found = await keys.page(self._database, after=wanted.after, count=wanted.limit + 1)
        return page(
            found,
            limit=wanted.limit,
            document=_document,
            path=KEYS,
            last=lambda each: each.name,
        )

    async def revoke(self, request: Request) -> Response:
        """Revoke a key; one that was revoked before stays so."""
        actor = await self._operators.actor(request)
        name = request.path_params["name"]
        if "\0" in name:
            raise Refusal(UNKNOWN_KEY)
        if not await keys.revoke_key(self._database, name, actor=actor):
            await self._check_exists(name)
        return Response(status_code=204, headers={"cache-control": "no-store"})

    async def _check_exists(self, name: str) -> None:
        if not await keys.exists(self._database, name):
            raise Refusal(UNKNOWN_KEY)


def _document(entry: KeyEntry) -> dict[str, object]:
    return {
        "name": entry.name,
        "scope": entry.scope,
        "created_at": moment(entry.created_at),
        "revoked_at": moment(entry.revoked_at),
    }
