"""A connection that hears what is announced of the sales that it subscribed to."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from lua import keys
from lua.announcement import Announcement, parse_announcement
from lua.faults import NothingHappened
from lua.replies import Reply
from lua.server import subscriber

# After a silence of this length the server is asked whether it is there, and has as long again to
# answer: a connection that a network swallowed sounds exactly like a sale that nobody buys from.
SILENCE_SECONDS: Final = 5.0


# The name of a sale's channel, by the sale's id.
Channel: TypeAlias = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """From here on no announcement of the sale is missed: what is read now is read in time."""

    sale_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """Somebody announced something; None is what is no announcement of a script: look yourself."""

    sale_id: str
    announcement: Announcement | None


class Subscription:
    """Never reconnects: who lost it has missed something, and must know."""

    def __init__(self, connection: AbstractConnection, channel: Channel) -> None:
        self._connection = connection
        self._channel = channel
        self._sale_ids: dict[bytes, str] = {}

    async def add(self, sale_ids: Iterable[str]) -> None:
        """Subscribe to these sales, too; `hear` tells when each is confirmed."""
        channels = {self._channel(sale_id).encode(): sale_id for sale_id in sale_ids}
        self._sale_ids |= channels
        if channels:
            await self._send("SUBSCRIBE", *channels)

    async def drop(self, sale_ids: Iterable[str]) -> None:
        """Do without these sales from now on."""
        channels = [self._channel(sale_id).encode() for sale_id in sale_ids]
        if channels:  # without names, UNSUBSCRIBE means all
            await self._send("UNSUBSCRIBE", *channels)
        for channel in channels:
            self._sale_ids.pop(channel, None)

    async def hear(self) -> Confirmed | Announced:
        """What comes next, whenever that is. Raises NothingHappened when the connection is gone."""
        while True:
            heard = self._understand(await self._read())
            if heard is not None:
                return heard

    async def _send(self, command: str, *channels: bytes) -> None:
        try:
            await self._connection.send_command(command, *channels)
        except (RedisError, OSError) as error:
            raise NothingHappened(f"subscription lost: {error}") from error

    async def _read(self) -> Reply:
        for _ in range(2):
            reply = await self._read_within(SILENCE_SECONDS)
            if reply is not None:
                return reply
            await self._send("PING")
        raise NothingHappened(f"subscription lost: silent for {2 * SILENCE_SECONDS:g} s")

    async def _read_within(self, seconds: float) -> Reply:
        try:
            reply: Reply = await self._connection.read_response(timeout=seconds)
        except (RedisError, OSError) as error:
            raise NothingHappened(f"subscription lost: {error}") from error
        return reply

    def _understand(self, reply: Reply) -> Confirmed | Announced | None:
        if not isinstance(reply, list):
            return None  # a PONG where nothing is subscribed to
        kind, channel, *rest = reply
        sale_id = self._sale_ids.get(channel) if isinstance(channel, bytes) else None
        if sale_id is None:
            return None  # a PONG, or something of a sale that was just dropped
        match kind:
            case b"subscribe":
                return Confirmed(sale_id=sale_id)
            case b"message":
                return Announced(sale_id=sale_id, announcement=_parse(rest[0]))
        return None


@asynccontextmanager
async def subscribe(url: str, channel: Channel = keys.record) -> AsyncIterator[Subscription]:
    """Connect for the length of a block, to hear of sales on their channels of that kind.

    Raises NothingHappened where that cannot be done.
    """
    async with subscriber(url) as client:
        pool = client.connection_pool
        connection = pool.connection_class(**pool.connection_kwargs)
        try:
            await connection.connect()
        except (RedisError, OSError) as error:
            raise NothingHappened(f"not connected: {error}") from error
        try:
            yield Subscription(connection, channel)
        finally:
            await connection.disconnect(nowait=True)


def _parse(message: Reply) -> Announcement | None:
    try:
        return parse_announcement(message) if isinstance(message, bytes) else None
    except ValueError:
        return None
