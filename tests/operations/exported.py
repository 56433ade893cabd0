"""The metrics that are really exported: by the objects that a gateway and a reconciler export."""

import re
from functools import cache

import gateway.metrics
import reconciler.metrics
from gateway.streams.crowd import Crowd
from gateway.turns import Turns

TYPE = re.compile(r"^# TYPE (\w+) (\w+)$", re.MULTILINE)


def gateway_page() -> str:
    crowd = Crowd(lambda: 0, max_streams=1)
    metrics = gateway.metrics.Metrics(crowd, Turns(), shared=None)
    return metrics._exposition.page().decode()


def reconciler_page() -> str:
    return reconciler.metrics.Metrics().page().decode()


def families(page: str) -> dict[str, str]:
    """Each metric's type by its name, counters with their ending."""
    return dict(TYPE.findall(page))


@cache
def sample_names() -> frozenset[str]:
    """The names that an expression may use."""
    types = families(gateway_page()) | families(reconciler_page())
    plain = {name for name, kind in types.items() if kind != "histogram"}
    histograms = set(types) - plain
    endings = ("_bucket", "_sum", "_count")
    return frozenset(plain | {f"{name}{ending}" for name in histograms for ending in endings})
