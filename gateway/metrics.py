"""`/metrics`: what a gateway has counted, as Prometheus reads it, summed over its workers.

Each worker hands on what it has counted once a second, and before it answers a scrape. So a sum
never falls from one scrape to the next, whichever worker answers them.
"""

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gateway.counts import AdmissionCounts, SettlementCounts
from gateway.exposition import Exposition
from gateway.openapi import Call, Operation, Success, Tag
from gateway.streams.crowd import Crowd
from gateway.tally import Tally
from gateway.turns import Turns

# A crash loses what was not handed on: a second of counting, which no rate over minutes shows.
HAND_ON_SECONDS: Final = 1.0
# Anybody may scrape, so however often they do, the workers are added up this often.
FRESH_SECONDS: Final = 0.25
_MEDIA_TYPE: Final = "text/plain"
_HEADERS: Final = {
    "content-type": f"{_MEDIA_TYPE}; version=0.0.4; charset=utf-8",
    "cache-control": "no-store",
}

SCRAPE: Final = Operation(
    method="GET",
    id="readMetrics",
    summary="What this process and those beside it have counted",
    tag=Tag.OPERATION,
    successes=(Success(status=200, description="For Prometheus.", media_type=_MEDIA_TYPE),),
)


class Metrics:
    """The counts and the page that shows them. `run` it in a task beside those who count.

    `shared` is the folder of workers that are added up; None for one that is alone.
    """

    def __init__(self, crowd: Crowd, turns: Turns, *, shared: Path | None) -> None:
        self.admission = AdmissionCounts()
        self.settlement = SettlementCounts()
        self._exposition = Exposition(shared)
        _describe(self._exposition, self.admission, self.settlement, crowd, turns)
        self._page = b""
        self._made_at = float("-inf")

    def routes(self) -> list[Call]:
        """Where it is mounted."""
        return [Call("/metrics", self.show, SCRAPE)]

    def tally(self) -> Tally:
        """What the workers have counted together, up to a second ago."""
        return self._exposition.tally()

    async def run(self) -> None:
        """Hand on what was counted, until cancelled."""
        try:
            while True:
                await asyncio.sleep(HAND_ON_SECONDS)
                self._exposition.hand_on()
        finally:
            self._exposition.hand_on()

    async def show(self, _: Request) -> Response:
        """The page."""
        now = asyncio.get_running_loop().time()
        if now - self._made_at > FRESH_SECONDS:
            self._page, self._made_at = self._exposition.page(), now
        return Response(self._page, headers=_HEADERS)


def _describe(
    exposition: Exposition,
    admission: AdmissionCounts,
    settlement: SettlementCounts,
    crowd: Crowd,
    turns: Turns,
) -> None:
    """Give everything that a gateway counts its name."""
    exposition.constant(
        "doorbuster_build_info", "The version that runs.", version=version("doorbuster")
    )
    exposition.level("doorbuster_gateway_workers", "Gateway processes behind this port.", lambda: 1)
    _describe_admission(exposition, admission, turns)
    exposition.outcomes(
        "doorbuster_payments_total", "Payments told, by what came of them.", settlement.payments
    )
    exposition.outcomes(
        "doorbuster_releases_total", "Holds given up, by what came of them.", settlement.releases
    )
    _describe_streams(exposition, crowd)


def _describe_admission(exposition: Exposition, counts: AdmissionCounts, turns: Turns) -> None:
    exposition.outcomes(
        "doorbuster_checkouts_total", "Checkouts, by what came of them.", counts.outcomes
    )
    exposition.distribution(
        "doorbuster_checkout_seconds", "From a checkout's head to its answer.", counts.seconds
    )
    exposition.distribution(
        "doorbuster_batch_checkouts", "Checkouts that travelled in one script call.", counts.batches
    )
    exposition.distribution(
        "doorbuster_redis_call_seconds",
        "Script calls that admit, from call to reply.",
        counts.call_seconds,
    )
    exposition.level(
        "doorbuster_redis_calls_in_flight",
        "Script calls without a reply.",
        lambda: counts.in_flight,
    )
    exposition.level(
        "doorbuster_checkouts_waiting",
        "Checkouts that no script call took yet.",
        lambda: turns.waiting + counts.waiting,
    )


def _describe_streams(exposition: Exposition, crowd: Crowd) -> None:
    exposition.level("doorbuster_streams", "Open streams.", lambda: crowd.places_taken)
    exposition.level(
        "doorbuster_streams_limit", "Streams that may be open.", lambda: crowd.max_streams
    )
    exposition.total(
        "doorbuster_stream_frames_total",
        "Events for streams: sent, or coalesced with a newer one because the client was slow.",
        sent=lambda: crowd.writer.written,
        coalesced=lambda: crowd.writer.skipped,
    )
    exposition.total(
        "doorbuster_streams_ended_total",
        "Streams ended because their client did not read.",
        evicted=lambda: crowd.writer.evicted,
    )
