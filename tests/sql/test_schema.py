"""The ledger's own rules bite, whoever writes."""

import asyncpg
import pytest
from batches import admitting, ids
from drafts import draft, open_sale

from sql.database import Database
from sql.ledger import commit

RULES = [
    ("update item set taken = granted + 1", "item_never_oversold"),
    ("update item set taken = -1", "item_never_oversold"),
    ("update item set raised = 0, granted = 0", "item_never_oversold"),
    ("update item set mirror = -1", "item_mirror_not_negative"),
    ("update item set granted = granted + 1", "item_granted_is_a_sum"),
    ("update item set price = -1", "item_price_not_negative"),
    ("update item set limit_per_customer = -1", "item_limit_not_negative"),
    ("update checkpoint set opened = epoch + 1", "checkpoint_opened_once_begun"),
    ("update reservation set state = 'lost', settled_at = now()", "reservation_state_known"),
    ("update reservation set state = 'paid', settled_at = now()", "reservation_paid_has_reference"),
    ("update reservation set payment_reference = 'x'", "reservation_paid_has_reference"),
    ("update reservation set state = 'expired'", "reservation_settled_has_time"),
    ("update reservation set settled_at = now()", "reservation_settled_has_time"),
    ("update sale set state = 'scheduled'", "sale_state_known"),
    ("update sale set id = 'no spaces'", "sale_id_form"),
    ("update sale set hold_seconds = 0", "sale_hold_positive"),
    ("update sale set max_hold_seconds = hold_seconds - 1", "sale_max_hold_covers_hold"),
    ("update sale set closes_at = opens_at", "sale_window_forward"),
    ("update sale set currency = 'eur'", "sale_currency_form"),
    ("update sale set reservations_per_customer = 0", "sale_reservations_positive"),
    ("update product set price = -1", "product_price_not_negative"),
    ("update product set sku = sku || ';'", "product_sku_form"),
    ("update outbox set kind = 'gift'", "outbox_kind_known"),
    (
        (
            "insert into alarm (sale_id, kind, what, acknowledged_at) "
            "select id, 'drift', 'x', now() from sale"
        ),
        "alarm_acknowledged_by_somebody",
    ),
    (
        (
            "insert into parked (sale_id, kind, subject, record, reason) "
            "select id, 'gift', 'x', 'x', 'x' from sale"
        ),
        "parked_kind_known",
    ),
    (
        (
            "insert into parked (sale_id, kind, subject, record, reason, resolved_at) "
            "select id, 'context', 'x', 'x', 'x', now() from sale"
        ),
        "parked_resolved_by_somebody",
    ),
    (
        "insert into audit (sale_id, milliseconds, outcome) select id, 1, 'impossible' from sale",
        "audit_impossible_says_why",
    ),
    (
        (
            "insert into correction (sale_id, kind, subject, number, units, units_before, "
            "units_after, found, actor, reason) "
            "select id, 'gift', 'x', 1, 1, 1, 1, 'x', 'x', 'x' from sale"
        ),
        "correction_kind_known",
    ),
    ("insert into api_key (digest, name, scope) values ('x', 'x', 'all')", "api_key_scope_known"),
]


@pytest.fixture
async def ledger(database: Database, sale_id: str) -> Database:
    """Ten lamps, one of them held."""
    await open_sale(database, draft(sale_id))
    await database.execute("update item set mirror = granted")
    await commit(database, admitting(sale_id, ids(1)))
    return database


async def test_each_rule_bites(ledger: Database) -> None:
    for statement, constraint in RULES:
        with pytest.raises(asyncpg.CheckViolationError, match=f'"{constraint}"'):
            await ledger.execute(statement)


async def test_what_exists_once_stays_alone(ledger: Database) -> None:
    again = (
        "insert into outbox (sale_id, kind, key, body) select sale_id, kind, key, '' from outbox"
    )
    with pytest.raises(asyncpg.UniqueViolationError, match="outbox_key_once"):
        await ledger.execute(again)
    with pytest.raises(asyncpg.UniqueViolationError, match="reservation_pkey"):
        await ledger.execute("insert into reservation select * from reservation")


async def test_a_sale_with_a_history_cannot_be_deleted(ledger: Database) -> None:
    """Its rows refer to it by no foreign key; its checkpoint does."""
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await ledger.execute("delete from sale")
