"""Pages of the shop may call from a browser, pages of others may not, and nobody else notices."""

from collections.abc import Sequence

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.cors import CrossOrigin

SHOP = b"https://shop.example"
EVE = b"https://eve.example"
Headers = Sequence[tuple[bytes, bytes]]


class Answering:
    """Answers in several parts, and remembers the `send` that it was given."""

    given: Send

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.given = send
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})


class Exchange:
    """One request, and what was answered to it."""

    def __init__(self, origins: Sequence[str] = (SHOP.decode(),)) -> None:
        self.app = Answering()
        self.sent: list[Message] = []
        self._gateway = CrossOrigin(self.app, origins)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def receive(self) -> Message:
        return {"type": "http.request"}

    async def ask(self, method: str, headers: Headers) -> dict[bytes, bytes]:
        scope = {"type": "http", "method": method, "headers": headers}
        await self._gateway(scope, self.receive, self.send)
        return dict(self.sent[0]["headers"])


async def ask(method: str, *headers: tuple[bytes, bytes]) -> dict[bytes, bytes]:
    return await Exchange().ask(method, headers)


# Preflights


async def preflight(origin: bytes) -> tuple[int, dict[bytes, bytes]]:
    exchange = Exchange()
    asked = [(b"origin", origin), (b"access-control-request-method", b"POST")]
    headers = await exchange.ask("OPTIONS", asked)
    return exchange.sent[0]["status"], headers


async def test_a_preflight_of_the_shop_is_granted_for_two_hours() -> None:
    status, headers = await preflight(SHOP)
    assert status == 204
    assert headers[b"access-control-allow-origin"] == SHOP
    assert headers[b"access-control-max-age"] == b"7200"
    assert headers[b"vary"] == b"Origin"
    methods = set(headers[b"access-control-allow-methods"].split(b", "))
    assert methods >= {b"GET", b"POST", b"PUT", b"DELETE"}
    allowed = set(headers[b"access-control-allow-headers"].split(b", "))
    assert allowed == {
        b"Authorization",
        b"Content-Type",
        b"Idempotency-Key",
        b"If-Match",
        b"traceparent",
    }


async def test_a_preflight_of_others_is_refused_and_says_which_setting() -> None:
    status, headers = await preflight(EVE)
    assert status == 403
    assert b"access-control-allow-origin" not in headers
    exchange = Exchange()
    await exchange.ask("OPTIONS", [(b"origin", EVE), (b"access-control-request-method", b"GET")])
    assert b"DOORBUSTER_CORS_ORIGINS" in exchange.sent[1]["body"]


@pytest.mark.parametrize(
    "origin",
    [
        b"https://shop.example.eve.example",
        b"http://shop.example",
        b"https://shop.example:8443",
        b"https://SHOP.example",
        b"https://shop.example/",
        b"null",
        b"*",
        b"",
    ],
)
async def test_an_origin_is_compared_as_it_is(origin: bytes) -> None:
    status, headers = await preflight(origin)
    assert status == 403
    assert b"access-control-allow-origin" not in headers


async def test_options_that_are_no_preflight_reach_the_app() -> None:
    for header in [(b"origin", SHOP), (b"access-control-request-method", b"GET")]:
        assert (await ask("OPTIONS", header))[b"content-type"] == b"text/event-stream"


# Answers


async def test_an_answer_to_the_shop_can_be_read_by_its_page() -> None:
    headers = await ask("POST", (b"origin", SHOP))
    assert headers[b"access-control-allow-origin"] == SHOP
    exposed = set(headers[b"access-control-expose-headers"].split(b", "))
    assert exposed >= {b"Location", b"Retry-After", b"ETag", b"Idempotency-Replayed", b"Age"}
    assert headers[b"vary"] == b"Origin"
    assert headers[b"content-type"] == b"text/event-stream"


async def test_no_cookies_are_asked_for() -> None:
    _, headers = await preflight(SHOP)
    assert b"access-control-allow-credentials" not in headers
    assert b"access-control-allow-credentials" not in await ask("POST", (b"origin", SHOP))


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_answer_to_others_cannot_be_read_by_their_page(method: str) -> None:
    headers = await ask(method, (b"origin", EVE))
    assert b"access-control-allow-origin" not in headers
    assert headers[b"vary"] == b"Origin"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_cache_keeps_answers_apart_by_origin(method: str) -> None:
    assert (await ask(method))[b"vary"] == b"Origin"


async def test_a_checkout_without_an_origin_is_not_touched() -> None:
    exchange = Exchange()
    headers = await exchange.ask("POST", [])
    assert exchange.app.given == exchange.send
    assert headers == {b"content-type": b"text/event-stream"}


async def test_without_a_setting_nothing_is_touched() -> None:
    exchange = Exchange(origins=[])
    headers = await exchange.ask("GET", [(b"origin", SHOP)])
    assert exchange.app.given == exchange.send
    assert headers == {b"content-type": b"text/event-stream"}


async def test_a_stream_goes_through_part_by_part() -> None:
    exchange = Exchange()
    await exchange.ask("GET", [(b"origin", SHOP)])
    assert [message.get("body") for message in exchange.sent] == [None, b"one", b"two"]


async def test_a_frame_costs_no_coroutine_more() -> None:
    exchange = Exchange()
    await exchange.ask("GET", [(b"origin", SHOP)])
    sending = exchange.app.given({"type": "http.response.body", "body": b"three"})
    assert sending.__qualname__ == exchange.send.__qualname__  # type: ignore[attr-defined]
    await sending


async def test_a_lifespan_passes_through() -> None:
    exchange = Exchange()
    await CrossOrigin(exchange.app, [SHOP.decode()])(
        {"type": "lifespan"}, exchange.receive, exchange.send
    )
    assert exchange.app.given == exchange.send
