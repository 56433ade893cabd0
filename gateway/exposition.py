"""Plain numbers on their way into prometheus_client, which several processes may share a folder of.

What it is handed are differences, so the numbers may live anywhere and be counted as is cheapest.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client import Counter as Total
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.counts import Distribution
from gateway.tally import Tally, tally


def share_as(worker: int) -> None:
    """Let what this process counts be added up with what other workers count.

    To be called before anything is counted. The folder is PROMETHEUS_MULTIPROC_DIR, which the
    parent sets; the files in it are named after the worker and not after the process, so that who
    takes the place of one that died goes on with its files, and restarts leave nothing behind.
    """
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: worker)


class Exposition:
    """Metrics, each with the place where its numbers are; `shared` is the workers' folder."""

    def __init__(self, shared: Path | None) -> None:
        # They would double the counters, and only where there is a single worker.
        disable_created_metrics()
        self._registry = CollectorRegistry()
        self._shared = shared
        self._hand_on: list[Callable[[], None]] = []

    def hand_on(self) -> None:
        """Hand on what was counted since the last time."""
        for each in self._hand_on:
            each()

    def page(self) -> bytes:
        """All metrics of all workers, in Prometheus' text format."""
        return generate_latest(self._everybody())

    def tally(self) -> Tally:
        """The checkouts and streams of all workers."""
        return tally(self._everybody().collect())

    def constant(self, name: str, told: str, **labels: str) -> None:
        """A metric that is 1, for the sake of its labels."""
        gauge = Gauge(
            name,
            told,
            list(labels),
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        gauge.labels(**labels).set(1)

    def level(self, name: str, told: str, read: Callable[[], float]) -> None:
        """A number of this moment; of several workers, the sum of those that live."""
        gauge = Gauge(
            name,
            told,
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._hand_on.append(lambda: gauge.set(read()))

    def total(self, name: str, told: str, **reads: Callable[[], int]) -> None:
        """Numbers that only rise, one for each `result`."""
        total = Total(name, told, ["result"], registry=self._registry)
        for result, read in reads.items():
            self._hand_on.append(_Rise(total.labels(result=result), read))

    def outcomes(self, name: str, told: str, counted: Counter[str]) -> None:
        """Events by their `outcome`; `counted` is emptied as they are handed on."""
        total = Total(name, told, ["outcome"], registry=self._registry)

        def hand_on() -> None:
            for outcome, count in counted.items():
                total.labels(outcome=outcome).inc(count)
            counted.clear()

        self._hand_on.append(hand_on)

    def distribution(self, name: str, told: str, counted: Distribution) -> None:
        """A histogram; `counted` is emptied as it is handed on."""
        histogram = _Histogram(name, told, registry=self._registry, buckets=counted.bounds)

        def hand_on() -> None:
            histogram.add(counted.counts, counted.total)
            counted.clear()

        self._hand_on.append(hand_on)

    def _everybody(self) -> CollectorRegistry:
        self.hand_on()
        if self._shared is None:
            return self._registry
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody, str(self._shared))
        return everybody


class _Rise:
    """Hands on by how much a number has risen."""

    def __init__(self, total: Total, read: Callable[[], int]) -> None:
        self._total = total
        self._read = read
        self._known = 0

    def __call__(self) -> None:
        now = self._read()
        self._total.inc(now - self._known)
        self._known = now


class _Histogram(Histogram):
    """Takes many observations at once, which prometheus_client has no method for."""

    def add(self, counts: Sequence[int], total: float) -> None:
        """Add so many observations to each bucket, and their sum."""
        self._sum.inc(total)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
