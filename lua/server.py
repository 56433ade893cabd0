"""One Redis or Valkey server, reached without any retry but our own.

redis-py 8 repeats a failed command up to ten times, silently. A script that took stock and whose
reply was lost would take it again, so every client here is built with no retries, and the two
halves of a call, getting a connection and talking on it, are kept apart: a failure in the first
means that nothing happened, a failure in the second that nobody knows.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, cast

import hiredis
from redis.asyncio import BlockingConnectionPool, Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from lua.faults import (
    REFUSED_BEFORE_THE_FIRST_COMMAND,
    NothingHappened,
    OutcomeUnknown,
    error_code,
    translate,
)
from lua.replies import Reply
from lua.script import Script

Argument = str | bytes | int
CONNECT_TIMEOUT_SECONDS: Final = 1.0
# It packs a call of 128 checkouts in an eighth of the time that redis-py takes. The cast is for its
# stub, which speaks of a tuple of one.
PACK: Final = cast("Callable[[tuple[Argument, ...]], bytes]", hiredis.pack_command)


class Server:
    """A pool of connections to one server; `await aclose()` it, or use it with `async with`.

    A call has `timeout_seconds`, whether it waits for a connection, makes one, or for its reply.
    """

    def __init__(self, url: str, *, connections: int = 4, timeout_seconds: float = 2.0) -> None:
        self.url = url
        self._timeout_seconds = timeout_seconds
        self._pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=timeout_seconds,
            # With a timeout redis-py sends within asyncio.wait_for, which in Python 3.11 swallows a
            # cancel that comes as the work is done: whoever was cancelled would run on for ever.
            socket_timeout=None,
            socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    async def run(
        self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]
    ) -> Reply:
        """Run a script; Redis forgets scripts at a restart, so it may have to be sent whole.

        Raises NothingHappened, OutcomeUnknown or ScriptFault.
        """
        until = self._until()
        connection = await self._connect(until)
        try:
            return await self._evaluate(connection, script, [len(keys), *keys, *arguments], until)
        finally:
            await self._pool.release(connection)

    async def run_and_wait(
        self,
        script: Script,
        keys: Sequence[str],
        arguments: Sequence[Argument],
        *,
        replicas: int,
        seconds: float,
    ) -> tuple[Reply, bool]:
        """Run a script that writes, then WAIT; whether so many replicas have it in time.

        WAIT counts what its own connection has written, so the two may not part. Raises as `run`:
        once the script has answered, its outcome is known, and only the count may not be.
        """
        until = self._until()
        connection = await self._connect(until)
        try:
            reply = await self._evaluate(connection, script, [len(keys), *keys, *arguments], until)
            words: list[Argument] = ["WAIT", replicas, round(seconds * 1000)]
            try:
                count = await self._exchange(connection, words, self._until())
            except (ResponseError, OutcomeUnknown, NothingHappened):
                return reply, False
            return reply, isinstance(count, int) and count >= replicas
        finally:
            await self._pool.release(connection)

    async def command(self, *words: Argument) -> Reply:
        """Run one command. Raises as `run` does."""
        until = self._until()
        connection = await self._connect(until)
        try:
            return await self._exchange(connection, words, until)
        except ResponseError as error:
            raise translate(error) from error
        finally:
            await self._pool.release(connection)

    def _until(self) -> float:
        return asyncio.get_running_loop().time() + self._timeout_seconds

    async def _connect(self, until: float) -> Connection:
        try:
            # A new connection has to say who it is: for that, too, the server has only so long.
            async with asyncio.timeout_at(until):
                connection: Connection = await self._pool.get_connection()
        except (RedisError, OSError) as error:
            why = str(error) or type(error).__name__
            raise NothingHappened(f"not connected: {why}") from error
        return connection

    async def _evaluate(
        self, connection: Connection, script: Script, rest: Sequence[Argument], until: float
    ) -> Reply:
        try:
            return await self._exchange(connection, ["EVALSHA", script.sha, *rest], until)
        except ResponseError as error:
            if error_code(error) != "NOSCRIPT":
                raise translate(error) from error
        try:
            return await self._exchange(connection, ["EVAL", script.source, *rest], until)
        except ResponseError as error:
            raise translate(error) from error

    async def _exchange(
        self, connection: Connection, words: Sequence[Argument], until: float
    ) -> Reply:
        try:
            async with asyncio.timeout_at(until):
                await connection.send_packed_command(PACK(tuple(words)))
                reply: Reply = await connection.read_response()
        except ResponseError:
            raise
        except (RedisError, OSError) as error:
            # redis-py counts some error replies, LOADING and NOAUTH, as a lost connection.
            if error_code(error) in REFUSED_BEFORE_THE_FIRST_COMMAND:
                raise translate(error) from error
            raise OutcomeUnknown(str(error) or type(error).__name__) from error
        return reply


def subscriber(url: str) -> "Redis":
    """A client for pub/sub alone: it may wait for ever, and never reconnects by itself."""
    return Redis.from_url(
        url,
        socket_timeout=None,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
