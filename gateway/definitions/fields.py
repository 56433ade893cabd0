"""The fields of products and sales: what every part of the system can store and show."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

# Redis' Lua counts in doubles, exactly up to 2^53: nine million times as much.
MAX_UNITS: Final = 1_000_000_000

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
# Postgres cannot store U+0000, and other control characters garble what is shown.
Title = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
# A text of some paragraphs: a page of a hundred products with it still is a page.
Text = Annotated[
    str, StringConstraints(max_length=2000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")
]
# A browser puts it into a page: an address of another kind, `javascript:`, would be run there.
ImageUrl = Annotated[
    str, StringConstraints(max_length=500, pattern=r"^(https?://|/)[^\x00-\x20\x7f\"'<>\\]*$")
]


def _refuse_number(value: object) -> object:
    """pydantic would take it for seconds or milliseconds, by its size."""
    if isinstance(value, int | float):
        raise PydanticCustomError("number", "a time is a text, as in RFC 3339")
    return value


Units = Annotated[int, Field(ge=0, le=MAX_UNITS)]
# What every part can store, in every time zone.
Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC)),
    BeforeValidator(_refuse_number),
]


def without_defaults(schema: JsonDict) -> None:
    """Takes the defaults out of the schema of a change: what it leaves out stays as it is."""
    properties = schema["properties"]
    if isinstance(properties, dict):
        for each in properties.values():
            if isinstance(each, dict):
                each.pop("default", None)
