"""One request on a connection of its own, where speed does not matter."""

import asyncio

from bench.case import Unmeasurable


async def post(address: tuple[str, int], request: bytes) -> None:
    """Send a request as it is. Raises Unmeasurable unless it is answered with 2xx."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(request)
        status = (await reader.readline()).split()[1]
        if not status.startswith(b"2"):
            raise Unmeasurable(f"a change was answered with {status.decode()}")
    finally:
        writer.close()
