"""OpenTelemetry, where a collector is named: without one it is not imported, and costs nothing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, TypeAlias

from starlette.types import ASGIApp

from doorbuster.faults import SettingsError
from doorbuster.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import Tracer

    from reconciler.follower import OnCommit

TraceCheckouts: TypeAlias = Callable[[ASGIApp], ASGIApp]

# A collector that is away must hold up neither what is traced nor whoever stops.
EXPORT_SECONDS: Final = 2
FLUSH_SECONDS: Final = 1.0


@contextmanager
def traced_checkouts(settings: Settings) -> Iterator[TraceCheckouts | None]:
    """Yield what puts a span around the checkouts of a gateway, or None.

    Raises SettingsError where spans are wanted, and OpenTelemetry is not installed.
    """
    if settings.trace_url is None:
        yield None
        return
    with _installed():
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

        from gateway.tracing import TracedCheckout

    # A caller may decide that it is not traced. That it is, we decide: anybody can be a caller.
    chance = TraceIdRatioBased(settings.trace_ratio)
    sampler = ParentBased(chance, remote_parent_sampled=chance)
    with _tracer(settings.trace_url, "doorbuster-gateway", sampler) as tracer:
        yield partial(TracedCheckout, tracer=tracer)


@contextmanager
def traced_commits(settings: Settings) -> Iterator["OnCommit | None"]:
    """Yield what makes spans of a reconciler's commits, or None. Raises as `traced_checkouts`."""
    if settings.trace_url is None:
        yield None
        return
    with _installed():
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

        from reconciler.tracing import CommitTracing

    # Whether it is traced was decided by the gateway, and came through the stream.
    with _tracer(settings.trace_url, "doorbuster-reconciler", ParentBased(ALWAYS_OFF)) as tracer:
        yield CommitTracing(tracer).committed


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        wanted = "DOORBUSTER_TRACE_URL is set, and OpenTelemetry is not installed"
        raise SettingsError(f"{wanted}: pip install 'doorbuster[otel]'") from error


@contextmanager
def _tracer(url: str, service: str, sampler: "Sampler") -> "Iterator[Tracer]":
    """Yield a tracer; at the end of the block its spans are sent, as far as that can be."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    who = {"service.name": service, "service.version": version("doorbuster")}
    provider = TracerProvider(
        sampler=sampler, resource=Resource.create(who), shutdown_on_exit=False
    )
    exporter = OTLPSpanExporter(endpoint=url, timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield provider.get_tracer("doorbuster")
    finally:
        flushing = threading.Thread(target=provider.shutdown, daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)
