"""What one call takes and answers, as it is stated beside its endpoint."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel

from gateway.problems import Problem

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"

# A part of the document, or a JSON Schema.
Schema: TypeAlias = dict[str, object]


class Tag(StrEnum):
    """Who a call is for; the document describes each in the words of `TAGS`."""

    PRODUCTS = "products"
    SALES = "sales"
    CARTS = "carts"
    RESERVATIONS = "reservations"
    ADMINISTRATION = "administration"
    OPERATION = "operation"
    DEMO = "demo"


TAGS: Final = {
    Tag.PRODUCTS: "The catalogue. Anyone may ask.",
    Tag.SALES: "What is on sale, and how much of it is left. Anyone may ask.",
    Tag.CARTS: "What a customer means to buy. A cart holds no stock.",
    Tag.RESERVATIONS: "Checking out, and what becomes of it.",
    Tag.ADMINISTRATION: "What operators do, with a key of scope `admin`. Every act is logged.",
    Tag.OPERATION: "What those ask who run Doorbuster.",
    Tag.DEMO: "Stand-ins for a shop's login and payment page, under `doorbuster up` alone.",
}


class Caller(StrEnum):
    """Who may call, by what they bear: each is a security scheme of the document."""

    CUSTOMER = "customer"
    TICKET = "ticket"
    SETTLE = "settle"
    ADMIN = "admin"


CUSTOMER: Final = Caller.CUSTOMER
TICKET: Final = Caller.TICKET
SETTLE: Final = Caller.SETTLE
ADMIN: Final = Caller.ADMIN


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value beside the body. Those of a query that is validated are the fields of its model.

    A header that stands twice is refused as malformed, unless `is_list`. What is in the path is
    always `required`.
    """

    name: str
    where: Literal["path", "header", "query"]
    schema: Schema
    description: str
    _: KW_ONLY
    is_list: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    """A header of an answer, and whether it is there each time."""

    name: str
    description: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    _: KW_ONLY
    always: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What can be called with what an answer told; `parameters` are runtime expressions.

    https://spec.openapis.org/oas/v3.1.0#runtime-expressions
    """

    name: str
    operation_id: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """An answer that is no problem; without `body` it has none, unless it is of another type.

    `body` of a stream of events is what their data is, other than that of `heartbeat` and `bye`.
    """

    status: int
    description: str
    body: type[BaseModel] | None = None
    media_type: str = JSON
    headers: tuple[Header, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call. `problems` are those of its own: the document adds what callers, path, query and
    body bring along.

    `callers` may be several, of whom any is enough; none means anyone. `query` is the model that
    the endpoint validates the query with, `body` that of the request's JSON.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    id: str
    summary: str
    tag: Tag
    successes: tuple[Success, ...]
    description: str = ""
    callers: tuple[Caller, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def is_stream(self) -> bool:
        """Whether it answers with events: then what may pass is told with 200 and the end."""
        return any(each.media_type == EVENTS for each in self.successes)
