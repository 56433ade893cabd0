"""The JSON Schemas of the models that the calls name, each under its model's name."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from gateway.openapi.operation import Operation, Schema

Mode: TypeAlias = Literal["validation", "serialization"]
Asked: TypeAlias = tuple[type[BaseModel], Mode]

_REQUEST: Final = "validation"
_ANSWER: Final = "serialization"
_REFERENCE: Final = "#/components/schemas/{model}"


class _Untitled(GenerateJsonSchema):
    """A title that only repeats the name of its field tells nobody anything."""

    def field_title_should_be_set(self, schema: object) -> bool:
        """Never."""
        del schema
        return False


class Schemas:
    """What the document refers to; `components` is its section of that name."""

    def __init__(self, operations: Iterable[Operation], problem: type[BaseModel]) -> None:
        asked: dict[Asked, None] = {(problem, _ANSWER): None}
        for operation in operations:
            asked |= dict.fromkeys(_asked(operation))
        self._references, found = models_json_schema(
            list(asked), ref_template=_REFERENCE, schema_generator=_Untitled
        )
        self.components: dict[str, Schema] = found["$defs"]

    def of_request(self, model: type[BaseModel]) -> Schema:
        """A reference to the body of a request."""
        return dict(self._references[model, _REQUEST])

    def of_answer(self, model: type[BaseModel]) -> Schema:
        """A reference to the body of an answer."""
        return dict(self._references[model, _ANSWER])


def of_query(model: type[BaseModel]) -> tuple[dict[str, Schema], list[str]]:
    """The parameters of a query, and which of them there must be."""
    whole = model.model_json_schema(ref_template=_REFERENCE, schema_generator=_Untitled)
    return whole["properties"], whole.get("required", [])


def _asked(operation: Operation) -> Iterator[Asked]:
    if operation.body is not None:
        yield operation.body, _REQUEST
    for success in operation.successes:
        if success.body is not None:
            yield success.body, _ANSWER
