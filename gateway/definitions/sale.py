"""A sale as an operator writes it: JSON in, a definition out; and a definition as such JSON."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.definitions.fields import Moment, Name, Title, Units, without_defaults
from gateway.representation import timestamp
from sql.sale_changes import DefinedSale
from sql.sales import ItemDefinition, Sale, SaleDefinition, to_the_millisecond

# A sale's record is read whole by each gateway, and rewritten whole by a recovery.
MAX_ITEMS: Final = 500
# So much a customer may order in one sale. It bounds what Redis has to remember of one of them.
RESERVATIONS_PER_CUSTOMER: Final = 100

HoldSeconds: TypeAlias = Annotated[int, Field(ge=1, le=86_400)]
MaxHoldSeconds: TypeAlias = Annotated[int | None, Field(ge=1, le=604_800)]
Currency: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Durability: TypeAlias = Literal["memory", "fsync", "replicated", "ledger"] | None


class ItemDocument(BaseModel):
    """An item; `price` in minor units of the sale's currency, `limit_per_customer` 0 for none.

    `name` is that of the product, where there is none yet.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    sku: Name
    name: Title | None = None
    price: Units
    units: Units
    limit_per_customer: Annotated[int, Field(ge=0, le=10_000)] = 0

    def to_definition(self) -> ItemDefinition:
        """The item that it defines."""
        return ItemDefinition(
            sku=self.sku,
            name=self.name or self.sku,
            price=self.price,
            units=self.units,
            limit_per_customer=self.limit_per_customer,
        )


Items: TypeAlias = Annotated[list[ItemDocument], Field(min_length=1, max_length=MAX_ITEMS)]


class SaleDocument(BaseModel):
    """A sale; without a window it is open from its opening on, without end."""

    model_config = ConfigDict(extra="forbid")

    id: Name
    name: Title | None = None
    opens_at: Moment | None = None
    closes_at: Moment | None = None
    hold_seconds: HoldSeconds = 600
    max_hold_seconds: MaxHoldSeconds = None
    currency: Currency = "EUR"
    durability: Durability = None
    items: Items

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> "SaleDocument":
        skus = [item.sku for item in self.items]
        twice = sorted({sku for sku in skus if skus.count(sku) > 1})
        if twice:
            raise ValueError(f"items: {', '.join(twice)} stands twice")
        if self.closes_at and self.closes_at <= (self.opens_at or datetime.now(UTC)):
            raise ValueError("closes_at is not after opens_at, which is now if it is left out")
        if self.max_hold_seconds is not None and self.max_hold_seconds < self.hold_seconds:
            raise ValueError("max_hold_seconds is less than hold_seconds")
        return self

    def to_definition(self) -> SaleDefinition:
        """The sale that it defines."""
        return SaleDefinition(
            id=self.id,
            name=self.name or self.id,
            opens_at=to_the_millisecond(self.opens_at or datetime.now(UTC)),
            closes_at=to_the_millisecond(self.closes_at) if self.closes_at else None,
            hold_seconds=self.hold_seconds,
            max_hold_seconds=self.max_hold_seconds,
            currency=self.currency,
            durability=self.durability,
            reservations_per_customer=RESERVATIONS_PER_CUSTOMER,
            source=self.model_dump_json(exclude_unset=True),
            items=tuple(
                item.to_definition() for item in sorted(self.items, key=lambda item: item.sku)
            ),
        )


class SaleChange(BaseModel):
    """What is to be other than it is; null is the default. Items are given whole."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=without_defaults)

    name: Title | None = None
    opens_at: Moment | None = None
    closes_at: Moment | None = None
    hold_seconds: HoldSeconds = 600
    max_hold_seconds: MaxHoldSeconds = None
    currency: Currency = "EUR"
    durability: Durability = None
    items: Items = []

    def applied_to(self, before: DefinedSale) -> SaleDefinition:
        """What the sale would be, held against the rules of a new one.

        Raises pydantic's ValidationError.
        """
        terms = terms_of(before.sale) | {
            "items": [asdict(item) for item in before.definition().items]
        }
        return SaleDocument.model_validate(
            terms | self.model_dump(exclude_unset=True)
        ).to_definition()


def parse_sale(text: bytes | str) -> SaleDefinition:
    """The sale that the JSON text defines. Raises pydantic's ValidationError."""
    return SaleDocument.model_validate_json(text).to_definition()


def parse_change(text: bytes | str) -> SaleChange:
    """The change that the JSON text asks for. Raises pydantic's ValidationError."""
    return SaleChange.model_validate_json(text)


def terms_of(sale: Sale) -> dict[str, object]:
    """A sale in the words of its file, without its items."""
    return {
        "id": sale.id,
        "name": sale.name,
        "opens_at": timestamp(sale.opens_at_ms),
        "closes_at": timestamp(sale.closes_at_ms) if sale.closes_at else None,
        "hold_seconds": sale.hold_seconds,
        "max_hold_seconds": sale.max_hold_seconds,
        "currency": sale.currency,
        "durability": sale.durability,
    }
