"""`GET /v1/sales/{sale_id}/events` and `GET /v1/sales/{sale_id}/stock`, straight on ASGI."""

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.conditional import is_known
from gateway.problems import OVERLOADED, STOCK_UNVERIFIED, Refusal
from gateway.sales import SaleLookup
from gateway.stock import event
from gateway.stock.feed import StockFeed, TooManySales
from gateway.stock.hub import StockHub
from gateway.stock.request import StockRequest
from gateway.stock.sight import Sight
from gateway.stock.watch import Watch
from gateway.streams.crowd import TooManyStreams
from gateway.streams.frame import heartbeat
from gateway.streams.response import begin, end_for_good, send_away, until_gone
from gateway.streams.stream import Stream


class StockStream:
    """The stock as server-sent events, for as long as the client stays."""

    def __init__(self, hub: StockHub, lookup: SaleLookup) -> None:
        self._hub = hub
        self._lookup = lookup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises a Refusal before anything is sent."""
        request = StockRequest.parse(scope)
        try:
            with self._hub.crowd.place():
                await request.check_sale(self._hub.feed, self._lookup)
                with self._hub.feed.watch(request.sale_id) as watch:
                    await self._answer(request, watch, scope, receive, send)
        except (TooManyStreams, TooManySales):
            await send_away(send)

    async def _answer(
        self, request: StockRequest, watch: Watch, scope: Scope, receive: Receive, send: Send
    ) -> None:
        sight = await _newest(self._hub.feed, watch, request)
        if sight is None:
            await send_away(send)
            return
        request.check_skus(sight)
        if not request.has_seen(sight):
            first = event.snapshot(sight, request.skus).body
        elif not sight.is_last:
            first = heartbeat(sight.now_ms)
        else:
            await end_for_good(send)
            return
        # An answer to HEAD that never ends would hold the connection up.
        ends = sight.is_last or scope["method"] == "HEAD"
        await begin(send, first, ends=ends)
        if not ends:
            stream = Stream(scope, send, seen=sight.mark, expires_at=self._hub.crowd.expiry())
            with self._hub.seat(watch, sight, stream, request.skus):
                await until_gone(receive)


class StockEndpoint:
    """The same state as a document, with an ETag."""

    def __init__(self, feed: StockFeed, lookup: SaleLookup) -> None:
        self._feed = feed
        self._lookup = lookup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises a Refusal."""
        request = StockRequest.parse(scope)
        await request.check_sale(self._feed, self._lookup)
        try:
            with self._feed.watch(request.sale_id) as watch:
                sight = await _newest(self._feed, watch, request)
        except TooManySales as error:
            raise Refusal(OVERLOADED) from error
        if sight is None:
            raise Refusal(STOCK_UNVERIFIED)
        request.check_skus(sight)
        await _document(request, sight, scope)(scope, receive, send)


def _document(request: StockRequest, sight: Sight, scope: Scope) -> Response:
    etag = f'"{sight.stock.epoch}-{sight.stock.version}-{sight.state}"'
    # Whoever has a copy may keep it, and must ask whether it is still right.
    headers = {"etag": etag, "cache-control": "no-cache"}
    if is_known(etag, Headers(scope=scope)):
        return Response(status_code=304, headers=headers)
    return Response(
        event.document(sight, request.skus), headers=headers, media_type="application/json"
    )


async def _newest(feed: StockFeed, watch: Watch, request: StockRequest) -> Sight | None:
    """What there is to see; None where Redis has not said yet."""
    known = watch.stock
    # A client that comes from another process may have seen more than this one has heard of.
    if known is None or (request.last_seen and request.last_seen.is_ahead_of(known)):
        await feed.refresh(watch)
    return watch.stock.at(feed.clock.now_ms()) if watch.stock else None
