"""The JSON Schemas of the models that the calls name, each under its model's name."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from gateway.openapi.operation import Operation, Schema

Mode: TypeAlias = Literal["validation", "serialization"]
Asked: TypeAlias = tuple[type[BaseModel], Mode]

_REQUEST: Final = "validation"
_ANSWER: Final = "serialization"
_REFERENCE: Final = "#/components/schemas/{model}"


class _Plain(GenerateJsonSchema):
    """Schemas that say no more than they know."""

    def field_title_should_be_set(self, schema: object) -> bool:
        """Never: it would only repeat the name of the field."""
        del schema
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """A member that an answer lacks has no value; what a request lacks may have one."""
        if self.mode == _ANSWER:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


class Schemas:
    """What the document refers to; `components` is its section of that name."""

    def __init__(self, operations: Iterable[Operation], problem: type[BaseModel]) -> None:
        asked: dict[Asked, None] = {(problem, _ANSWER): None}
        for operation in operations:
            asked |= dict.fromkeys(_asked(operation))
        self._references, found = models_json_schema(
            list(asked), ref_template=_REFERENCE, schema_generator=_Plain
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
    whole = model.model_json_schema(ref_template=_REFERENCE, schema_generator=_Plain)
    return whole["properties"], whole.get("required", [])


def _asked(operation: Operation) -> Iterator[Asked]:
    if operation.body is not None:
        yield operation.body, _REQUEST
    for success in operation.successes:
        if success.body is not None:
            yield success.body, _ANSWER
