"""What `sale show` tells: the ledger's view and, where it answers, Redis' view beside it."""

from dataclasses import asdict, dataclass

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table

from doorbuster.faults import NotDone
from doorbuster.servers import Servers
from lua.faults import RedisFault
from lua.record import Record
from lua.store import SaleStore
from sql import sales
from sql.sales import LedgerItem, Sale


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReport:
    """Units; `available` is what Redis has left, None where it is not proven."""

    sku: str
    name: str
    price: int
    limit_per_customer: int
    granted: int
    taken: int
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
    record = await _proven_record(servers, sale_id)
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
        items=tuple(_item(item, record) for item in items),
    )


async def _proven_record(servers: Servers, sale_id: str) -> Record | None:
    try:
        record = await SaleStore(servers.redis, sale_id).read()
    except RedisFault:
        return None
    return record if record and record.proven else None


def _state(sale: Sale, record: Record | None) -> str:
    if record is not None:
        return record.reported_state
    return sale.state if sale.state == "draft" else f"{sale.state} (not verified in Redis)"


def _item(item: LedgerItem, record: Record | None) -> ItemReport:
    there = record.items.get(item.sku) if record else None
    return ItemReport(
        sku=item.sku,
        name=item.name,
        price=item.price,
        limit_per_customer=item.limit_per_customer,
        granted=item.granted,
        taken=item.taken,
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
    console.print(_table(report))


def _table(report: SaleReport) -> Table:
    table = Table("sku", "name", f"price ({report.currency}, minor units)", "limit")
    for column in ("granted", "taken (ledger)", "available (Redis)"):
        table.add_column(column, justify="right")
    for item in report.items:
        available = "?" if item.available is None else str(item.available)
        limit = str(item.limit_per_customer or "none")
        table.add_row(
            item.sku,
            item.name,
            str(item.price),
            limit,
            str(item.granted),
            str(item.taken),
            available,
        )
    return table
