"""Parses the JSON bodies of requests, and tells what is wrong with them."""

from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json
from starlette.types import Scope

from gateway.asgi import header
from gateway.problems import INVALID, MALFORMED, UNSUPPORTED_MEDIA_TYPE, Problem, Refusal

# A body has room for thousands of faults; the first few are what a developer looks at.
MAX_ERRORS_TOLD: Final = 20

Body = TypeVar("Body")
_JSON: Final = b"application/json"


def parse_json(scope: Scope, body: bytes, shape: TypeAdapter[Body]) -> Body:
    """The body as a value of that shape.

    Raises a Refusal: 415 for what is not called JSON, 400 for what is not JSON, 422 for JSON of
    another shape.
    """
    check_media_type(header(scope, b"content-type"))
    return parse_shape(body, shape)


def check_media_type(content_type: bytes | None) -> None:
    """Raises a Refusal for a request whose body is not called JSON."""
    if content_type == _JSON:
        return
    # RFC 8259, section 11: parameters such as a charset mean nothing.
    if (content_type or b"").partition(b";")[0].strip().lower() != _JSON:
        raise Refusal(UNSUPPORTED_MEDIA_TYPE.because("The Content-Type must be application/json."))


def parse_shape(body: bytes, shape: TypeAdapter[Body]) -> Body:
    """The body as `parse_json` reads it, whatever it is called."""
    try:
        return shape.validate_json(body)
    except ValidationError as error:
        if not _is_about_whole_numbers(error):
            raise refusal_of(error) from error
    return _parse_whole(body, shape)


def _is_about_whole_numbers(error: ValidationError) -> bool:
    """Whether `2.0` stands where `2` is meant: both are the same number, and so an integer."""
    return any(
        each["type"] == "int_type"
        and isinstance(each["input"], float)
        and each["input"].is_integer()
        for each in error.errors(include_url=False, include_context=False)
    )


def _parse_whole(body: bytes, shape: TypeAdapter[Body]) -> Body:
    try:
        return shape.validate_json(to_json(_whole(from_json(body))))
    except ValidationError as error:
        raise refusal_of(error) from error


def _whole(value: object) -> object:
    """The value with an integer for each number that is one, however it was written."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole(each) for each in value]
        case dict():
            return {name: _whole(each) for name, each in value.items()}
    return value


def refusal_of(error: ValidationError) -> Refusal:
    """The refusal of a body that is not of its shape."""
    return Refusal(_problem(error))


def invalid(pointer: str, detail: str) -> Refusal:
    """The refusal of one field, named by a JSON pointer (RFC 6901)."""
    return Refusal(_invalid([{"pointer": pointer, "detail": detail}]))


def _problem(error: ValidationError) -> Problem:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    if errors[0]["type"] == "json_invalid":
        return MALFORMED.because(errors[0]["msg"])
    return _invalid([_told(each) for each in errors[:MAX_ERRORS_TOLD]])


def _invalid(errors: list[dict[str, str]]) -> Problem:
    return INVALID.because("See the errors.", errors=errors)


def _told(error: ErrorDetails) -> dict[str, str]:
    return {"pointer": _pointer(error["loc"]), "detail": error["msg"].removeprefix("Value error, ")}


def _pointer(path: tuple[int | str, ...]) -> str:
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in escaped)
