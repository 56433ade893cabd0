"""Parses the query of an address, and writes that of the next page's."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Final, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from starlette.requests import Request

from gateway.problems import INVALID, Problem, Refusal

MAX_ITEMS: Final = 100
# int() takes digits of every script, and fails at some thousands of them.
MAX_DIGITS: Final = 15

Query = TypeVar("Query", bound=BaseModel)


def _digits(value: object) -> object:
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit()):
            raise ValueError("not a whole number")
        if len(value) > MAX_DIGITS:
            raise ValueError(f"more than {MAX_DIGITS} digits")
    return value


# Stands behind the bounds of a number, so that nothing but plain digits gets there.
DIGITS: Final = BeforeValidator(_digits)
Limit = Annotated[int, Field(ge=1, le=MAX_ITEMS, description="how many, at the most"), DIGITS]


def parse_query(request: Request, shape: type[Query]) -> Query:
    """The query as a value of that shape. Raises a Refusal that names each wrong parameter."""
    given = request.query_params.multi_items()
    for name, count in Counter(name for name, _ in given).items():
        if count > 1 and name in shape.model_fields:
            raise refused(name, "It stands more than once.")
    try:
        return shape.model_validate(dict(given))
    except ValidationError as error:
        mistakes = [(str(each["loc"][0]), each["msg"]) for each in error.errors()]
        raise Refusal(_invalid(mistakes)) from error


def refused(name: str, detail: str) -> Refusal:
    """The refusal of one parameter."""
    return Refusal(_invalid([(name, detail)]))


def _invalid(mistakes: list[tuple[str, str]]) -> Problem:
    errors = [{"parameter": name, "detail": detail} for name, detail in mistakes]
    return INVALID.because("See the errors.", errors=errors)


def link(path: str, parameters: Mapping[str, object]) -> str:
    """The address of a page; parameters that are None are left out."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(given)}"
