"""Things that the ledger numbers: acts, alarms, parked records."""

from typing import Annotated, Final

from pydantic import BaseModel, Field
from starlette.requests import Request

from gateway.definitions.fields import Name
from gateway.openapi import Parameter
from gateway.problems import Problem, Refusal
from gateway.query import DIGITS, MAX_DIGITS, MAX_ITEMS, Limit

MAX_NUMBER: Final = 10**MAX_DIGITS - 1

Number = Annotated[
    int, Field(ge=1, le=MAX_NUMBER, description="the last id of the page before"), DIGITS
]


class NumberedQuery(BaseModel):
    """Which of them; those that were dealt with only if `all` is asked for."""

    sale_id: Name | None = None
    all: Annotated[bool, Field(description="those that were dealt with too")] = False
    limit: Limit = MAX_ITEMS
    after: Number | None = None


def number_parameter(what: str) -> Parameter:
    """The number in the path."""
    schema: dict[str, object] = {"type": "integer", "minimum": 1, "maximum": MAX_NUMBER}
    return Parameter("id", "path", schema, what)


ALARM_NUMBER: Final = number_parameter("The alarm.")
PARKED_NUMBER: Final = number_parameter("The parked record.")


def number_of(request: Request, unknown: Problem) -> int:
    """The number in the path. Raises a Refusal for what is none."""
    text: str = request.path_params["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise Refusal(unknown)
    return int(text)
