"""Sales for tests that need them in the ledger."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sql.database import Database
from sql.sales import ItemDefinition, SaleDefinition, change_state, create

LAMP = "LAMP-1"
MUG = "mug_2.0"
PRICE = 500


def draft(
    sale_id: str,
    units: Mapping[str, int] | None = None,
    *,
    limit: int = 0,
    hold_seconds: int = 600,
    opens_at: datetime | None = None,
    closes_at: datetime | None = None,
) -> SaleDefinition:
    """A sale that is open from an hour ago; by default of ten lamps and five mugs."""
    offers = units or {LAMP: 10, MUG: 5}
    return SaleDefinition(
        id=sale_id,
        name="Frühschoppen, 50 %",
        opens_at=opens_at or datetime.now(UTC) - timedelta(hours=1),
        closes_at=closes_at,
        hold_seconds=hold_seconds,
        currency="EUR",
        durability=None,
        reservations_per_customer=100,
        source=f'{{"id": "{sale_id}"}}',
        items=tuple(
            ItemDefinition(
                sku=sku, name=f"A {sku}", price=PRICE, units=count, limit_per_customer=limit
            )
            for sku, count in offers.items()
        ),
    )


async def open_sale(database: Database, definition: SaleDefinition) -> None:
    """Create it and open it in the ledger; Redis learns of it from a reconciler."""
    await create(database, definition)
    await change_state(database, definition.id, "open")
