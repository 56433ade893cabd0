"""What `sale show` tells: the ledger's view and, where it answers, Redis' view beside it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table

from doorbuster.faults import NotDone
from doorbuster.servers import Servers
from gateway.admin.availability import proven_record
from gateway.definitions.sale import terms_of
from lua.record import Record
from sql import sales
from sql.availability import ItemUnits, read_units
from sql.sales import LedgerItem, Sale


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReport:
    """Units; `available` is what Redis has left, None where it is not proven.

    What is `taken` is held or paid. `returning` was given back, `arriving` granted, and neither is
    on sale yet.
    """

    sku: str
    name: str
    price: int
    limit_per_customer: int
    granted: int
    taken: int
    held: int
    paid: int
    returning: int
    arriving: int
    available: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleReport:
    """`state` as a buyer meets it; the version is the ledger's checkpoint."""

    id: str
    name: str
    state: str
    opens_at: str
    closes_at: str | None
    hold_seconds: int
    max_hold_seconds: int
    currency: str
    epoch: int
    version: int
    items: tuple[ItemReport, ...]


async def read_report(servers: Servers, sale_id: str) -> SaleReport:
    """The report. Raises NotDone where there is no such sale."""
    try:
        sale = await sales.read(servers.database, sale_id)
    except sales.NoSuchSale as error:
        raise NotDone(f"there is no sale called {sale_id}") from error
    items = await sales.read_items(servers.database, sale_id)
    units = {each.sku: each for each in (await read_units(servers.database, sale_id)).items}
    record = await proven_record(servers.redis, sale_id)
    return SaleReport(
        id=sale.id,
        name=sale.name,
        state=_state(sale, record),
        opens_at=sale.opens_at.isoformat(),
        closes_at=sale.closes_at.isoformat() if sale.closes_at else None,
        hold_seconds=sale.hold_seconds,
        max_hold_seconds=sale.max_hold_seconds,
        currency=sale.currency,
        epoch=sale.epoch,
        version=sale.version,
        items=tuple(_item(each, units[each.sku], record) for each in items if each.sku in units),
    )


def _state(sale: Sale, record: Record | None) -> str:
    if record is not None:
        return record.reported_state
    return sale.state if sale.state == "draft" else f"{sale.state} (not verified in Redis)"


def _item(item: LedgerItem, units: ItemUnits, record: Record | None) -> ItemReport:
    there = record.items.get(item.sku) if record else None
    return ItemReport(
        sku=item.sku,
        name=item.name,
        price=item.price,
        limit_per_customer=item.limit_per_customer,
        granted=units.granted,
        taken=units.held + units.paid,
        held=units.held,
        paid=units.paid,
        returning=units.returning,
        arriving=units.arriving,
        available=there.available if there else None,
    )


def print_report(report: SaleReport, *, as_json: bool) -> None:
    """Print it for a person or for a program."""
    console = Console()
    if as_json:
        console.file.write(to_json(asdict(report), indent=2).decode() + "\n")
        return
    until = f" until {report.closes_at}" if report.closes_at else ""
    console.print(f"[bold]{report.id}[/bold]  {report.name}  [bold]{report.state}[/bold]")
    holds = f"holds of {report.hold_seconds} s, extended up to {report.max_hold_seconds} s"
    console.print(f"from {report.opens_at}{until}, {holds}")
    console.print(f"epoch {report.epoch}, version {report.version}")
    console.print(_terms(report))
    console.print(_units(report))


def _terms(report: SaleReport) -> Table:
    table = Table("sku", "name", f"price ({report.currency}, minor units)", "limit")
    for item in report.items:
        limit = str(item.limit_per_customer or "none")
        table.add_row(item.sku, item.name, str(item.price), limit)
    return table


def _units(report: SaleReport) -> Table:
    table = Table("sku")
    for column in ("granted", "on sale", "held", "paid", "returning", "arriving"):
        table.add_column(column, justify="right")
    for item in report.items:
        places = (item.held, item.paid, item.returning, item.arriving)
        on_sale = "?" if item.available is None else str(item.available)
        table.add_row(item.sku, str(item.granted), on_sale, *map(str, places))
    return table


def print_sales(found: Sequence[Sale], *, as_json: bool) -> None:
    """Print a list of sales for a person or for a program."""
    console = Console()
    if as_json:
        documents = [terms_of(each) | {"state": each.state} for each in found]
        console.file.write(to_json(documents, indent=2).decode() + "\n")
        return
    table = Table("sale", "name", "state", "opens", "closes", "currency")
    for each in found:
        closes = f"{each.closes_at:%Y-%m-%d %H:%M:%S}" if each.closes_at else ""
        opens = f"{each.opens_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(each.id, each.name, each.state, opens, closes, each.currency)
    console.print(table if found else "there are no sales")
