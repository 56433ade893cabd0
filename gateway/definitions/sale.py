"""A sale as an operator writes it: JSON in, a definition out."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.definitions.fields import Moment, Name, Title, Units
from sql.sales import ItemDefinition, SaleDefinition

# A sale's record is read whole by each gateway, and rewritten whole by a recovery.
MAX_ITEMS: Final = 500
# So much a customer may order in one sale. It bounds what Redis has to remember of one of them.
RESERVATIONS_PER_CUSTOMER: Final = 100


class ItemFile(BaseModel):
    """An item; `price` in minor units of the sale's currency, `limit_per_customer` 0 for none."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sku: Name
    name: Title | None = None
    price: Units
    units: Units
    limit_per_customer: Annotated[int, Field(ge=0, le=10_000)] = 0


class SaleFile(BaseModel):
    """A sale; without a window it is open from its opening on, without end."""

    model_config = ConfigDict(extra="forbid")

    id: Name
    name: Title | None = None
    opens_at: Moment | None = None
    closes_at: Moment | None = None
    hold_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600
    max_hold_seconds: Annotated[int | None, Field(ge=1, le=604_800)] = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    durability: Literal["memory", "fsync", "replicated", "ledger"] | None = None
    items: Annotated[list[ItemFile], Field(min_length=1, max_length=MAX_ITEMS)]

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> "SaleFile":
        skus = [item.sku for item in self.items]
        twice = sorted({sku for sku in skus if skus.count(sku) > 1})
        if twice:
            raise ValueError(f"items: {', '.join(twice)} stands twice")
        if self.opens_at and self.closes_at and self.closes_at <= self.opens_at:
            raise ValueError("closes_at is not after opens_at")
        if self.max_hold_seconds is not None and self.max_hold_seconds < self.hold_seconds:
            raise ValueError("max_hold_seconds is less than hold_seconds")
        return self


def parse_sale(text: bytes | str) -> SaleDefinition:
    """The sale that the JSON text defines. Raises pydantic's ValidationError."""
    file = SaleFile.model_validate_json(text)
    return SaleDefinition(
        id=file.id,
        name=file.name or file.id,
        opens_at=file.opens_at or datetime.now(UTC),
        closes_at=file.closes_at,
        hold_seconds=file.hold_seconds,
        max_hold_seconds=file.max_hold_seconds,
        currency=file.currency,
        durability=file.durability,
        reservations_per_customer=RESERVATIONS_PER_CUSTOMER,
        source=file.model_dump_json(exclude_unset=True),
        items=tuple(_item(item) for item in sorted(file.items, key=lambda item: item.sku)),
    )


def _item(item: ItemFile) -> ItemDefinition:
    return ItemDefinition(
        sku=item.sku,
        name=item.name or item.sku,
        price=item.price,
        units=item.units,
        limit_per_customer=item.limit_per_customer,
    )
