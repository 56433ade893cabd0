"""What all workers have counted together, for those who do not read Prometheus' format."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

CHECKOUTS: Final = "doorbuster_checkouts_total"
CHECKOUT_SECONDS: Final = "doorbuster_checkout_seconds_bucket"
STREAMS: Final = "doorbuster_streams"


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How many took up to each bound, in seconds; the last of the counts is those above all."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Checkouts by outcome, and how long they took, since the workers began; open streams."""

    checkouts: dict[str, int]
    seconds: Durations
    streams: int


def tally(metrics: Iterable[Metric]) -> Tally:
    """Add the metrics up."""
    samples = [sample for metric in metrics for sample in metric.samples]
    return Tally(
        checkouts={
            each.labels["outcome"]: int(each.value) for each in samples if each.name == CHECKOUTS
        },
        seconds=_durations([each for each in samples if each.name == CHECKOUT_SECONDS]),
        streams=int(sum(each.value for each in samples if each.name == STREAMS)),
    )


def _durations(buckets: list[Sample]) -> Durations:
    """Prometheus' buckets hold what the smaller ones hold, too; the last one has no bound."""
    up_to = sorted((float(each.labels["le"]), int(each.value)) for each in buckets)
    counts = [count for _, count in up_to]
    return Durations(
        bounds=tuple(bound for bound, _ in up_to[:-1]),
        counts=tuple(after - before for before, after in pairwise([0, *counts])),
    )
