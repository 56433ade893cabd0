"""The log of what operators did: written in the transaction of the act, and only ever added to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sql.database import Connection, Database
from sql.statement import load

INSERT: Final = load("act_insert")
LIST: Final = load("acts_list")

# Who acted where nobody did: the demo sale of `up`, a pause by the reconciler.
OURSELVES: Final = "doorbuster"


class What(StrEnum):
    """What was done."""

    PRODUCT_CREATE = "product.create"
    PRODUCT_CHANGE = "product.change"
    PRODUCTS_IMPORT = "products.import"
    SALE_CREATE = "sale.create"
    SALE_CHANGE = "sale.change"
    SALE_OPEN = "sale.open"
    SALE_PAUSE = "sale.pause"
    SALE_RESUME = "sale.resume"
    SALE_CLOSE = "sale.close"
    SALE_REBUILD = "sale.rebuild"
    SALE_MEND = "sale.mend"
    UNITS_GRANT = "units.grant"
    UNITS_LOWER = "units.lower"
    KEY_CREATE = "key.create"
    KEY_REVOKE = "key.revoke"
    ALARM_ACKNOWLEDGE = "alarm.acknowledge"
    PARKED_RETRY = "parked.retry"
    PARKED_DISCARD = "parked.discard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody did, when, and to what; `what` is a What, or one that a newer release knows."""

    id: int
    at: datetime
    actor: str
    what: str
    subject: str
    detail: Mapping[str, object]


async def record(
    ledger: "Connection | Database", actor: str, what: What, subject: str, **detail: object
) -> None:
    """Add to the log. `detail` is anything that JSON can say; times are said in its way."""
    await ledger.execute(INSERT, actor, what, subject, json.dumps(detail, default=str))


async def list_acts(
    database: Database, *, actor: str | None, subject: str | None, before: int | None, count: int
) -> list[Act]:
    """Acts, newest first; `before` is the id of the last one that the caller has seen."""
    rows = await database.rows(LIST, actor, subject, before, count)
    return [Act(**{**dict(row), "detail": json.loads(row["detail"])}) for row in rows]
