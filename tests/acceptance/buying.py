"""A hook of Schemathesis: what is valid is for what there is, and is a new wish each time.

Skus that are made up are never sold, and a key is good for one request.
"""

from typing import Any
from uuid import uuid4

import schemathesis


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    if str((case.query or {}).get("ticket")).startswith("dbt_"):
        del case.query["ticket"]  # of an answer before: it is good, and would be taken for made up
    if case.meta is not None and not case.meta.generation.mode.is_positive:
        return
    if case.operation.definition.raw["operationId"] == "checkOut":
        case.body = {"lines": [{"sku": "LAMP-1", "quantity": 1}]}
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid4())
