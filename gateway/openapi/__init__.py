"""Describes the HTTP interface in OpenAPI 3.1, from the models that its endpoints validate with."""

from gateway.openapi.call import Call
from gateway.openapi.operation import (
    ADMIN,
    CUSTOMER,
    SETTLE,
    TICKET,
    Header,
    Link,
    Operation,
    Parameter,
    Success,
    Tag,
)

__all__ = [
    "ADMIN",
    "CUSTOMER",
    "SETTLE",
    "TICKET",
    "Call",
    "Header",
    "Link",
    "Operation",
    "Parameter",
    "Success",
    "Tag",
]
