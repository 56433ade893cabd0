"""The list of sales, over a real ledger."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.admission.reservation_id import random_id, tag_of
from gateway.catalogue import Catalogue
from gateway.definitions.sale import parse_sale
from sql import sales
from sql.database import Database

AWAY = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as database:
        yield database


async def create(database: Database, sale_id: str) -> None:
    items = '[{"sku": "LAMP-1", "price": 1, "units": 1}]'
    await sales.create(database, parse_sale(f'{{"id": "{sale_id}", "items": {items}}}'))


async def open_sale(database: Database, sale_id: str) -> None:
    await create(database, sale_id)
    await sales.change_state(database, sale_id, "open")


async def test_a_draft_does_not_exist(database: Database, sale_id: str) -> None:
    await create(database, sale_id)
    assert await Catalogue(database).knows(sale_id) is False


async def test_a_sale_exists_from_its_opening_on(database: Database, sale_id: str) -> None:
    catalogue = Catalogue(database)
    for number in range(3):
        name = f"{sale_id}-{number}"
        assert await catalogue.knows(name) is False
        await open_sale(database, name)
        assert await catalogue.knows(name) is True


async def test_a_reservations_sale_is_found_from_its_opening_on(
    database: Database, sale_id: str
) -> None:
    catalogue = Catalogue(database)
    tag = tag_of(random_id(sale_id))
    assert await catalogue.with_tag(tag) == []
    await open_sale(database, sale_id)
    assert await catalogue.with_tag(tag) == [sale_id]


async def test_a_crowd_that_asks_for_what_does_not_exist_shares_the_answer(
    database: Database, sale_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = 0
    rows = database.rows

    async def count(*arguments: str) -> object:
        nonlocal readings
        readings += 1
        return await rows(*arguments)

    monkeypatch.setattr(database, "rows", count)
    catalogue = Catalogue(database)
    answers = await asyncio.gather(*(catalogue.knows(f"{sale_id}-{n}") for n in range(500)))
    assert set(answers) == {False}
    assert readings <= 2


async def test_what_was_known_stays_known_while_the_ledger_is_away(
    database: Database, sale_id: str
) -> None:
    await open_sale(database, sale_id)
    catalogue = Catalogue(database)
    assert await catalogue.knows(sale_id) is True
    database._pool.terminate()
    assert await catalogue.knows(sale_id) is True
    assert await catalogue.with_tag(tag_of(random_id(sale_id))) == [sale_id]


async def test_nobody_can_tell_while_the_ledger_is_away(sale_id: str) -> None:
    async with Database(AWAY) as database:
        catalogue = Catalogue(database)
        assert await catalogue.knows(sale_id) is None
        assert await catalogue.with_tag(tag_of(random_id(sale_id))) is None


async def test_a_sale_that_redis_told_of_needs_no_ledger(sale_id: str) -> None:
    async with Database(AWAY) as database:
        catalogue = Catalogue(database)
        catalogue.learn(sale_id)
        assert await catalogue.knows(sale_id) is True
        assert await catalogue.with_tag(tag_of(random_id(sale_id))) == [sale_id]
