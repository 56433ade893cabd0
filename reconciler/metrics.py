"""What a reconciler counts, as Prometheus reads it.

A sale is a label only while this reconciler keeps it, so there are no more of them than leases.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

# A transaction of 2,000 orders takes about 30 ms.
COMMIT_SECONDS_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

# A sale of 10,000 reservations takes about a third of a second.
AUDIT_SECONDS_BOUNDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Lag:
    """How far the ledger is behind one sale's history."""

    def __init__(self) -> None:
        self.versions = 0
        self._level_at = time.monotonic()

    def note(self, *, versions: int, seconds: float) -> None:
        """As of now: so many versions, the first of which is so many seconds old."""
        self.versions = versions
        self._level_at = time.monotonic() - seconds

    def seconds(self) -> float:
        """Since when the ledger may lack something; it grows while nobody can look."""
        return time.monotonic() - self._level_at


class LastAudit:
    """What the last audit of one sale found."""

    def __init__(self) -> None:
        self.drifts = 0
        self.units = 0
        self.clean_at = 0.0

    def note(self, *, drifts: int, units: int) -> None:
        """So many things disagree, by so many units."""
        self.drifts, self.units = drifts, units
        if drifts == 0:
            self.clean_at = time.time()


class Metrics:
    """Everything that is counted, each by the name of what happened."""

    def __init__(self) -> None:
        # They would double the counters.
        disable_created_metrics()
        self._registry = CollectorRegistry()
        build = self._gauge("doorbuster_build_info", "The version that runs.", "version")
        build.labels(version("doorbuster")).set(1)
        self._count_history()
        self._count_audits()
        self._measure_backlog()

    def page(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)

    @contextmanager
    def lagging(self, sale_id: str, lag: Lag) -> Iterator[None]:
        """Show how far the sale's ledger is behind, for the length of a block."""
        self._lag_versions.labels(sale_id).set_function(lambda: lag.versions)
        self._lag_seconds.labels(sale_id).set_function(lag.seconds)
        try:
            yield
        finally:
            self._lag_versions.remove(sale_id)
            self._lag_seconds.remove(sale_id)

    @contextmanager
    def auditing(self, sale_id: str, last: LastAudit) -> Iterator[None]:
        """Show what the last audit of the sale found, for the length of a block."""
        self._audit_drifts.labels(sale_id).set_function(lambda: last.drifts)
        self._audit_drift_units.labels(sale_id).set_function(lambda: last.units)
        self._audit_clean_at.labels(sale_id).set_function(lambda: last.clean_at)
        try:
            yield
        finally:
            for gauge in (self._audit_drifts, self._audit_drift_units, self._audit_clean_at):
                gauge.remove(sale_id)

    def _count_history(self) -> None:
        self.orders = self._counter(
            "doorbuster_orders_committed_total", "Admitted checkouts, now in the ledger."
        )
        self.returns = self._counter("doorbuster_returns_applied_total", "Returns that Redis took.")
        self.expired = self._counter(
            "doorbuster_holds_expired_total", "Holds that nobody paid in time."
        )
        self.recoveries = self._counter(
            "doorbuster_recoveries_total",
            "Attempts to bring a sale back: adopted, rebuilt or failed.",
            "outcome",
        )
        self.commit_seconds = self._histogram(
            "doorbuster_commit_seconds",
            "Transactions that commit a part of a sale's history.",
            COMMIT_SECONDS_BOUNDS,
        )
        self._lag_versions = self._gauge(
            "doorbuster_ledger_lag_versions",
            "Versions that Redis has and the ledger not yet.",
            "sale",
        )
        self._lag_seconds = self._gauge(
            "doorbuster_ledger_lag_seconds", "For how long the ledger may lack something.", "sale"
        )

    def _count_audits(self) -> None:
        self.audits = self._counter(
            "doorbuster_audits_total",
            "Audits that this reconciler made: clean, drift or impossible.",
            "outcome",
        )
        self.audit_seconds = self._histogram(
            "doorbuster_audit_seconds", "How long an audit of a sale took.", AUDIT_SECONDS_BOUNDS
        )
        self.mirror_checks = self._counter(
            "doorbuster_mirror_checks_total", "Stocks in the history that were the ledger's own."
        )
        self._audit_drifts = self._gauge(
            "doorbuster_audit_drifts", "What the last audit found to disagree.", "sale"
        )
        self._audit_drift_units = self._gauge(
            "doorbuster_audit_drift_units", "Units that the last audit found to differ.", "sale"
        )
        self._audit_clean_at = self._gauge(
            "doorbuster_audit_clean_timestamp_seconds",
            "When an audit was clean last; 0 for never.",
            "sale",
        )

    def _measure_backlog(self) -> None:
        self.sales_kept = self._gauge("doorbuster_sales_kept", "Sales that this reconciler leads.")
        self.alarms = self._gauge(
            "doorbuster_alarms_open", "Alarms that nobody has acknowledged.", "kind"
        )
        self.parked = self._gauge(
            "doorbuster_parked_records", "Records set apart that nobody looked at."
        )
        self.outbox = self._gauge(
            "doorbuster_outbox_pending", "What Redis has still to be told, in rows."
        )

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(name, told, labels, registry=self._registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(name, told, labels, registry=self._registry)

    def _histogram(self, name: str, told: str, bounds: Sequence[float]) -> Histogram:
        return Histogram(name, told, registry=self._registry, buckets=bounds)
