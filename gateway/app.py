"""Composes a gateway process: everything that it is made of is named here, once."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from gateway import console, storefront
from gateway.admin import desk as administration
from gateway.admin.events import EVENTS, WATCH_EVERYTHING, EventStream
from gateway.admin.operators import Operators
from gateway.admin.overview import Overseer, Sources
from gateway.admission.desk import Desk
from gateway.admission.durability import Level
from gateway.admission.endpoint import CheckoutEndpoint
from gateway.admission.operation import CHECK_OUT
from gateway.admission.request import MAX_LINES
from gateway.asgi import Refusing
from gateway.at_once import AnswersAtOnce, TakesNothing
from gateway.background import Background
from gateway.carts import CartEndpoints
from gateway.cashier import Cashier
from gateway.catalogue import Catalogue
from gateway.config import GatewayConfig, TokenConfig
from gateway.cors import CrossOrigin
from gateway.demo import Demo
from gateway.exception_handlers import EXCEPTION_HANDLERS
from gateway.finder import Finder, all_in_ledger
from gateway.identity import ApiKeys, Callers, PublishedKeys, StaticKey, Tokens
from gateway.last_copies import READINGS_AT_ONCE
from gateway.late_payment import LatePayments
from gateway.metrics import Metrics
from gateway.openapi import Call, publication
from gateway.orders.endpoints import OrderStream, TicketEndpoint
from gateway.orders.feed import OrderFeed
from gateway.orders.hints import Hints
from gateway.orders.operations import WATCH_RESERVATION
from gateway.orders.ticket import Tickets
from gateway.probes import Probes
from gateway.products import Products
from gateway.reservations import Reservations
from gateway.sale_view import SaleView
from gateway.settlement import Settlement
from gateway.stock.endpoints import StockEndpoint, StockStream
from gateway.stock.feed import StockFeed
from gateway.stock.hub import StockHub
from gateway.stock.operations import READ_STOCK, WATCH_STOCK
from gateway.streams.crowd import Crowd
from gateway.turns import Turns
from lua.carts import Carts
from lua.server import Server
from lua.ticket_key import ticket_key
from sql.database import Database
from sql.keys import Key, find_key

SigningKeys: TypeAlias = StaticKey | PublishedKeys

# Two script calls are in flight for each sale, and a rush is seldom about more than a few sales.
ADMISSION_CONNECTIONS: Final = 8
# A crowd that fills its carts must not keep an admission, or a probe, waiting for a connection.
CART_CONNECTIONS: Final = 4
READING_CONNECTIONS: Final = 8
DATABASE_CONNECTIONS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """An application that is ready to serve, and what is offered its requests before, in turns.

    Before it is stopped, `draining` tells the probes, and `crowd.drain()` whoever watches.
    """

    app: Starlette
    at_once: AnswersAtOnce
    turns: Turns
    draining: asyncio.Event
    crowd: Crowd


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What is open while a gateway runs."""

    admitting: Server
    reading: Server
    keeping_carts: Server
    database: Database
    keys: SigningKeys
    crowd: Crowd
    hub: StockHub
    orders: OrderFeed
    hints: Hints
    metrics: Metrics
    turns: Turns
    tasks: asyncio.TaskGroup
    background: Background


@asynccontextmanager
async def gateway(config: GatewayConfig) -> AsyncIterator[Gateway]:
    """A gateway, until the block ends. It may start while its servers are away."""
    deadline = config.request_deadline_seconds
    async with (
        Server(
            config.redis_url, connections=ADMISSION_CONNECTIONS, timeout_seconds=deadline
        ) as admitting,
        Server(config.redis_url, connections=READING_CONNECTIONS) as reading,
        Server(
            config.redis_url, connections=CART_CONNECTIONS, timeout_seconds=deadline
        ) as keeping_carts,
        Database(
            config.database_url, connections=DATABASE_CONNECTIONS, command_seconds=deadline
        ) as database,
        asyncio.TaskGroup() as tasks,
    ):
        feed = StockFeed(reading, config.redis_url)
        crowd = Crowd(feed.clock.now_ms, max_streams=config.max_streams)
        hub = StockHub(feed, crowd)
        turns = Turns()
        resources = Resources(
            admitting=admitting,
            reading=reading,
            keeping_carts=keeping_carts,
            database=database,
            keys=_signing_keys(config.token),
            crowd=crowd,
            hub=hub,
            orders=OrderFeed(partial(all_in_ledger, database), config.redis_url, crowd.writer),
            hints=Hints(reading),
            metrics=Metrics(crowd, turns, shared=config.metrics_folder),
            turns=turns,
            tasks=tasks,
            background=Background(),
        )
        lasting = tasks.create_task(_run_until_cancelled(_lasting(resources)))
        yield _compose(config, resources)
        lasting.cancel()


def _lasting(resources: Resources) -> list[Coroutine[None, None, None]]:
    """What runs for as long as the gateway does."""
    lasting = [
        resources.crowd.run(),
        resources.hub.feed.run(),
        resources.hub.run(),
        resources.orders.run(),
        resources.hints.run(),
        resources.metrics.run(),
        resources.background.run(),
    ]
    if isinstance(resources.keys, PublishedKeys):
        lasting.append(resources.keys.keep_fresh())
    return lasting


async def _run_until_cancelled(lasting: list[Coroutine[None, None, None]]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for each in lasting:
            tasks.create_task(each)


def _compose(config: GatewayConfig, resources: Resources) -> Gateway:
    draining = asyncio.Event()
    routes, checkout = _routes(config, resources, draining)
    app = Starlette(
        routes=routes,
        exception_handlers=EXCEPTION_HANDLERS,
        middleware=[Middleware(CrossOrigin, origins=config.cors_origins)],
    )
    # A path with a slash too many is not found: Starlette would send its caller, token and all,
    # to whatever host the request itself has named.
    app.router.redirect_slashes = False
    # What is traced has to go through the application.
    at_once = checkout if config.trace_checkouts is None else TakesNothing()
    return Gateway(
        app=app,
        at_once=at_once,
        turns=resources.turns,
        draining=draining,
        crowd=resources.crowd,
    )


def _routes(
    config: GatewayConfig, resources: Resources, draining: asyncio.Event
) -> tuple[list[BaseRoute], CheckoutEndpoint]:
    database, counts = resources.database, resources.metrics
    public_readings = asyncio.Semaphore(READINGS_AT_ONCE)
    catalogue = Catalogue(database)
    callers = Callers(_tokens(config.token, resources.keys), _api_keys(database))
    carts = Carts(resources.keeping_carts, kept_seconds=config.cart_seconds, max_lines=MAX_LINES)
    desk = Desk(
        resources.admitting,
        carts,
        resources.hub.feed,
        resources.tasks,
        resources.background,
        catalogue.knows,
        catalogue.learn,
        counts.admission,
        nobody_comes=resources.turns.is_empty,
        level=Level.of(config.durability),
        deadline_seconds=config.request_deadline_seconds,
    )
    finder = Finder(database, resources.reading, catalogue)
    settlement = Settlement(
        finder,
        Cashier(database, resources.tasks),
        LatePayments(desk, finder, database),
        database,
        callers,
        resources.hints,
        counts.settlement,
    )
    checkout = CheckoutEndpoint(desk, callers, counts.admission)
    checkout_app: ASGIApp = Refusing(checkout)
    if config.trace_checkouts is not None:
        checkout_app = config.trace_checkouts(checkout_app)
    stock = Refusing(StockEndpoint(resources.hub.feed, catalogue.knows))
    stream = Refusing(StockStream(resources.hub, catalogue.knows))
    tickets = Tickets(partial(ticket_key, resources.reading))
    orders = Refusing(OrderStream(resources.orders, resources.crowd, finder, callers, tickets))
    probes = Probes(resources.reading, database, draining)
    overseer = Overseer(
        Sources(database=database, redis=resources.reading, ask=probes.ask, tally=counts.tally)
    )
    events = Refusing(EventStream(overseer, Operators(callers), resources.crowd))
    routes: list[BaseRoute] = [
        Call("/v1/sales/{sale_id}/checkout", checkout_app, CHECK_OUT),
        Call("/v1/sales/{sale_id}/stock", stock, READ_STOCK),
        Call("/v1/sales/{sale_id}/events", stream, WATCH_STOCK),
        *Products(database, public_readings).routes(),
        *CartEndpoints(carts, catalogue.knows, callers).routes(),
        *SaleView(database, public_readings).routes(),
        *Reservations(finder, database, callers).routes(),
        *settlement.routes(),
        Call("/v1/reservations/{id}/events", orders, WATCH_RESERVATION),
        *TicketEndpoint(finder, callers, tickets).routes(),
        *administration.routes(database, resources.reading, callers, issuer=config.token.issuer),
        Call(EVENTS, events, WATCH_EVERYTHING),
        *probes.routes(),
        *resources.metrics.routes(),
    ]
    routes += storefront.routes()
    routes += console.routes()
    if config.demo_sale is not None:
        routes += Demo(config.demo_sale, config.token, settlement).routes()
    published = publication.routes([each for each in routes if isinstance(each, Call)])
    return routes + published, checkout


def _tokens(token: TokenConfig, keys: SigningKeys) -> Tokens:
    return Tokens(keys, algorithm=token.algorithm, issuer=token.issuer, audience=token.audience)


def _signing_keys(token: TokenConfig) -> SigningKeys:
    if token.jwks_url is not None:
        return PublishedKeys(token.jwks_url, token.algorithm)
    return StaticKey(token.key or "", token.algorithm)


def _api_keys(database: Database) -> ApiKeys:
    async def find(digest: bytes) -> Key | None:
        return await find_key(database, digest)

    return ApiKeys(find)
