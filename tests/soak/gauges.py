"""What is looked at every few seconds, and whether it stays level."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptance.kept_shop import KeptShop
from acceptance.running_up import descendants

from lua import keys
from lua.replies import integer, text
from lua.store import SaleStore

MEGABYTE = 2**20
TABLES = """
select relname as name, n_live_tup as live, n_dead_tup as dead,
       pg_total_relation_size(relid) as size
from pg_stat_user_tables
"""
# Rows that are updated in place all the time: their tables must not grow at all.
BUSY_TABLES = ("item", "checkpoint", "hold_clock", "lease", "reconciler")

Sample = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """`growth` is how much the last quarter may be above the second one, as a factor; `slack` is
    how much it may be above it anyway, in its own unit."""

    name: str
    growth: float
    slack: float = 0.0


GAUGES = (
    *(
        Gauge(name=f"{part}: memory of its own, MB", growth=1.10, slack=4.0)
        for part in ("gateway", "reconciler", "postgres")
    ),
    *(
        Gauge(name=f"{part}: file descriptors", growth=1.05, slack=8.0)
        for part in ("gateway", "reconciler", "valkey")
    ),
    # A pool that opens one more connection is no leak, so its files and itself are told apart.
    Gauge(name="postgres: file descriptors of each process", growth=1.05, slack=8.0),
    Gauge(name="postgres: processes", growth=1.0, slack=8.0),
    Gauge(name="valkey: bytes for each order", growth=1.05, slack=8.0),
    Gauge(name="stream: entries", growth=1.5, slack=100.0),
    Gauge(name="ledger: changes behind", growth=2.0, slack=2000.0),
    Gauge(name="tables of a row or a few, KB", growth=1.5, slack=64.0),
    Gauge(name="reservations: bytes for each row", growth=1.10, slack=16.0),
    Gauge(name="reservations: dead rows for each living one", growth=2.0, slack=0.3),
    Gauge(name="outbox: bytes for each row", growth=1.25, slack=32.0),
)


def quarters(samples: Sequence[Sample], name: str) -> tuple[float, float]:
    """The medians of the second quarter, when all is warm, and of the last one."""
    quarter = max(len(samples) // 4, 1)
    parts = samples[quarter : 2 * quarter] or samples, samples[-quarter:]
    before, after = (statistics.median(sample[name] for sample in part) for part in parts)
    return before, after


def is_level(gauge: Gauge, samples: Sequence[Sample]) -> bool:
    """Whether it has grown by no more than it may."""
    before, after = quarters(samples, gauge.name)
    return after <= before * gauge.growth + gauge.slack


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """Reads all gauges of one shop and its servers; `servers` are process ids by name."""

    shop: KeptShop
    sale_id: str
    servers: Mapping[str, int]

    async def read(self) -> Sample:
        """All of them, now."""
        return {**self._processes(), **await self._redis(), **await self._tables()}

    def _processes(self) -> dict[str, float]:
        ours = {name[:-2]: process.pid for name, process in self.shop.processes.items()}
        found = {}
        for part, pid in (ours | dict(self.servers)).items():
            pids = [pid, *descendants(pid)]
            found[f"{part}: memory of its own, MB"] = sum(map(_own_bytes, pids)) / MEGABYTE
            found[f"{part}: processes"] = float(len(pids))
            found[f"{part}: file descriptors"] = float(sum(map(_descriptors, pids)))
            each = found[f"{part}: file descriptors"] / len(pids)
            found[f"{part}: file descriptors of each process"] = each
        return found

    async def _redis(self) -> dict[str, float]:
        server = self.shop.servers.redis
        record = await SaleStore(server, self.sale_id).read()
        assert record is not None
        stream = keys.of_epoch(self.sale_id, record.epoch).stream
        memory = text(await server.command("INFO", "memory"))
        used = next(line for line in memory.split("\r\n") if line.startswith("used_memory:"))
        return {
            "valkey: bytes for each order": int(used.partition(":")[2]) / record.reservations,
            "stream: entries": float(integer(await server.command("XLEN", stream))),
            "ledger: changes behind": float(record.version - record.committed),
        }

    async def _tables(self) -> dict[str, float]:
        rows = {row["name"]: row for row in await self.shop.servers.database.rows(TABLES)}
        sold, told = rows["reservation"], rows["outbox"]
        return {
            "tables of a row or a few, KB": sum(rows[name]["size"] for name in BUSY_TABLES) / 1024,
            "reservations: bytes for each row": sold["size"] / max(sold["live"], 1),
            "reservations: dead rows for each living one": sold["dead"] / max(sold["live"], 1),
            "outbox: bytes for each row": told["size"] / max(told["live"], 1),
        }


def _own_bytes(pid: int) -> int:
    """Memory that is no file's and nobody else's: what a leak would be made of."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return int(found[0]) * 1024 if found else 0


def _descriptors(pid: int) -> int:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return 0
