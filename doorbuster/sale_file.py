"""A sale's file: JSON in, a definition out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from doorbuster.faults import WrongFile
from sql.sales import ItemDefinition, SaleDefinition

# A sale's record is read whole by each gateway, and rewritten whole by a recovery.
MAX_ITEMS: Final = 500
# So much a customer may order in one sale. It bounds what Redis has to remember of one of them.
RESERVATIONS_PER_CUSTOMER: Final = 100

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
# Postgres cannot store U+0000, and other control characters garble what is shown.
Title = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
# Redis' Lua counts in doubles, exactly up to 2^53: nine million times as much.
MAX_UNITS: Final = 1_000_000_000
Units = Annotated[int, Field(ge=0, le=MAX_UNITS)]
# What every part can store, in every time zone.
Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC)),
]


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


def read_sale_file(path: Path) -> SaleDefinition:
    """The sale that the file defines. Raises WrongFile with one line for each mistake in it."""
    try:
        return parse_sale(path.read_bytes())
    except OSError as error:
        raise WrongFile(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        lines = [f"{path}: {_where(e['loc'])}{_told(e['msg'])}" for e in error.errors()]
        raise WrongFile("\n".join(lines)) from error


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


def _where(location: tuple[int | str, ...]) -> str:
    return "".join(f"{step}: " for step in location)


def _told(message: str) -> str:
    return message.removeprefix("Value error, ")
