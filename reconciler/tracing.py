"""Ends the traces of checkouts in the ledger, where tracing is on; nothing else imports this."""

import re
from typing import Final

from opentelemetry.trace import Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sql.batch import Batch

_CONTEXT: Final = TraceContextTextMapPropagator()
# The context is JSON that a gateway wrote. It is searched and not parsed: of thousands in a batch
# few are sampled, which the last bit says.
# https://www.w3.org/TR/trace-context/#sampled-flag
_SAMPLED: Final = re.compile(
    r'"traceparent":"([0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][13579bdf])"'
)


class CommitTracing:
    """Makes a span of each sampled checkout's commit."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def committed(self, batch: Batch, began_ns: int, ended_ns: int) -> None:
        """The batch was committed between these times, in nanoseconds since 1970."""
        new = batch.admissions
        for reservation, version, context in zip(new.ids, new.versions, new.contexts, strict=True):
            sampled = _SAMPLED.search(context)
            if sampled:
                span = self._tracer.start_span(
                    "commit",
                    context=_CONTEXT.extract({"traceparent": sampled[1]}),
                    start_time=began_ns,
                    attributes={
                        "doorbuster.sale": batch.sale_id,
                        "doorbuster.reservation": reservation,
                        "doorbuster.version": version,
                        "doorbuster.batch": len(new.ids),
                    },
                )
                span.end(ended_ns)
