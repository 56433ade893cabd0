"""Reads along what every script appends in Redis, past every proxy: what answers are judged by."""

import asyncio
from contextlib import suppress

from chaos.history import History, Look
from chaos.valkeys import Node, Valkeys

from lua import keys
from lua.entry import parse_entry
from lua.faults import RedisFault
from lua.record import Record
from lua.replies import array
from lua.server import Server
from lua.store import SaleStore

# Entries stay for as long as a hold after they were committed, which is seconds.
LOOK_SECONDS = 0.1
ENTRIES_AT_ONCE = 1000


class Chronicler:
    """Follows one sale on whichever server is the primary."""

    def __init__(self, valkeys: Valkeys, sale_id: str, history: History) -> None:
        self._valkeys = valkeys
        self._sale_id = sale_id
        self._history = history
        self._epoch = 0
        self._after = 0

    async def run(self) -> None:
        """Read along for ever. What a loss takes away between two looks is never read."""
        while True:
            node = self._valkeys.primary
            async with Server(node.server.url, connections=1) as server:
                await self._follow(node, SaleStore(server, self._sale_id))

    async def _follow(self, node: Node, store: SaleStore) -> None:
        while node is self._valkeys.primary:
            with suppress(RedisFault):
                await self._look(store)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, store: SaleStore) -> None:
        record = await store.read()
        if record is None:
            return
        if record.epoch != self._epoch:
            await self._read(store)  # what a rebuild has left behind
            self._epoch, self._after = record.epoch, 0
        await self._read(store)
        await self._note_trimming(store, record)

    async def _read(self, store: SaleStore) -> None:
        while entries := await store.surviving(
            self._epoch, after=self._after, count=ENTRIES_AT_ONCE
        ):
            for entry in entries:
                self._history.entries[entry.epoch, entry.first] = entry
            self._after = entries[-1].last

    async def _note_trimming(self, store: SaleStore, record: Record) -> None:
        """What is there is read before how much was committed: trimming follows committing."""
        name = keys.of_epoch(self._sale_id, record.epoch).stream
        oldest = array(await store.server.command("XRANGE", name, "-", "+", "COUNT", 1))
        later = await store.read()
        if later is None or later.epoch != record.epoch:
            return
        self._history.looks.append(
            Look(
                epoch=record.epoch,
                oldest=parse_entry(oldest[0]).first if oldest else None,
                committed=later.committed,
                waiting=record.version - record.committed,
                limit=record.proof.backlog_limit,
            )
        )
