"""Writes the OpenAPI document of the calls that are mounted: https://spec.openapis.org/oas/v3.1.0"""

from collections.abc import Collection, Iterable, Sequence
from importlib.metadata import version
from typing import Final

from gateway.openapi.call import Call
from gateway.openapi.operation import (
    EVENTS,
    JSON,
    TAGS,
    Caller,
    Header,
    Link,
    Operation,
    Parameter,
    Schema,
    Success,
)
from gateway.openapi.problem_answers import problem_answers
from gateway.openapi.schemas import Schemas, of_query
from gateway.problems import ProblemBody

_DESCRIPTION: Final = """\
A reservation gateway for flash sales. A checkout is decided at once, repeated safely with the same
`Idempotency-Key`, and paid, released or expired later.

Errors are problems of RFC 9457; switch on `code`. v1 only grows: ignore members, events and states
that you do not know.
"""
_BEARER: Final = {"type": "http", "scheme": "bearer"}
_CREDENTIALS: Final[dict[Caller, Schema]] = {
    Caller.CUSTOMER: {
        **_BEARER,
        "description": "A token (JWT) of the shop's own issuer; its `sub` is the customer.",
    },
    Caller.TICKET: {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "What `issueTicket` gave. It goes before a token.",
    },
    Caller.SETTLE: {
        **_BEARER,
        "description": "An API key of scope `settle`, or `admin`. It begins with `dbk_`.",
    },
    Caller.ADMIN: {**_BEARER, "description": "An API key of scope `admin`."},
}


def describe(calls: Sequence[Call]) -> Schema:
    """The whole document."""
    schemas = Schemas((call.operation for call in calls), ProblemBody)
    used = {call.operation.tag for call in calls}
    callers = {caller for call in calls for caller in call.operation.callers}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Doorbuster",
            "version": version("doorbuster"),
            "description": _DESCRIPTION,
        },
        "servers": [{"url": "/", "description": "The gateway that this document came from."}],
        "tags": [{"name": tag, "description": told} for tag, told in TAGS.items() if tag in used],
        "paths": _paths(calls, schemas),
        "components": {"schemas": schemas.components, "securitySchemes": _schemes(callers)},
    }


def _schemes(callers: Collection[Caller]) -> Schema:
    return {caller: scheme for caller, scheme in _CREDENTIALS.items() if caller in callers}


def _paths(calls: Iterable[Call], schemas: Schemas) -> Schema:
    paths: dict[str, Schema] = {}
    for call in calls:
        operations = paths.setdefault(call.path_format, {})
        operations[call.operation.method.lower()] = _operation(call.operation, schemas)
    return dict(paths)


def _operation(operation: Operation, schemas: Schemas) -> Schema:
    answers = {str(each.status): _success(each, schemas) for each in operation.successes}
    described: Schema = {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": operation.description or operation.summary,
        "tags": [operation.tag],
        "security": [{caller: []} for caller in operation.callers],
        "parameters": [*map(_parameter, operation.parameters), *_query(operation)],
        "responses": answers | problem_answers(operation, schemas.of_answer(ProblemBody)),
    }
    if operation.body is not None:
        content = {JSON: {"schema": schemas.of_request(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameter(parameter: Parameter) -> Schema:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required or parameter.where == "path",
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _query(operation: Operation) -> list[Schema]:
    if operation.query is None:
        return []
    properties, required = of_query(operation.query)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": schema.pop("description", name),
            "schema": schema,
        }
        for name, schema in properties.items()
    ]


def _success(success: Success, schemas: Schemas) -> Schema:
    described: Schema = {"description": success.description}
    if success.headers:
        described["headers"] = {each.name: _header(each) for each in success.headers}
    schema = _schema(success, schemas)
    if schema is not None:
        described["content"] = {success.media_type: {"schema": schema}}
    if success.links:
        described["links"] = {each.name: _link(each) for each in success.links}
    return described


def _schema(success: Success, schemas: Schemas) -> Schema | None:
    if success.body is None:
        return None if success.media_type == JSON else {"type": "string"}
    body = schemas.of_answer(success.body)
    return _event(body) if success.media_type == EVENTS else body


def _event(data: Schema) -> Schema:
    """One event of a stream: OpenAPI 3.1 has no word of its own for many of them."""
    carried = {"type": "string", "contentMediaType": JSON, "contentSchema": data}
    fields = {
        "event": {"type": "string", "description": "its kind; ignore those that you do not know"},
        "data": {**carried, "description": "of `heartbeat` and `bye`, only `server_time`"},
        "id": {"type": "string", "description": "to be sent as `Last-Event-ID` when coming back"},
        "retry": {"type": "integer", "description": "milliseconds to wait before coming back"},
    }
    return {"type": "object", "properties": fields}


def _header(header: Header) -> Schema:
    return {
        "description": header.description,
        "required": header.always,
        "schema": header.schema,
    }


def _link(link: Link) -> Schema:
    return {"operationId": link.operation_id, "parameters": dict(link.parameters)}
