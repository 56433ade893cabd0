"""The line of what is answered at once."""

import asyncio
import time
from functools import partial

from gateway.turns import LONG_WAIT_SECONDS, SLICE_SECONDS, Turns


async def until_empty(turns: Turns) -> int:
    """How many rounds of the loop it takes until the last one in line has had its turn."""
    done = asyncio.Event()
    turns.join(done.set)
    rounds = 0
    while not done.is_set():
        await asyncio.sleep(0)
        rounds += 1
    return rounds


async def test_everything_else_has_a_round_after_each_slice() -> None:
    turns = Turns()
    for _ in range(10):
        turns.join(partial(time.sleep, 2 * SLICE_SECONDS))
    assert await until_empty(turns) >= 10


async def test_many_are_served_in_a_slice_in_the_order_of_their_coming() -> None:
    turns, served = Turns(), list[int]()
    for number in range(1000):
        turns.join(partial(served.append, number))
    assert await until_empty(turns) < 500
    assert served == list(range(1000))


async def test_a_defect_that_one_meets_holds_nobody_up() -> None:
    turns, served, met = Turns(), list[int](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, told: met.append(told["exception"]))
    turns.join(partial(served.append, 1))
    turns.join(partial(int, "none"))
    turns.join(partial(served.append, 2))
    await until_empty(turns)
    assert served == [1, 2]
    assert [type(each) for each in met] == [ValueError]


async def test_nobody_should_join_while_the_first_in_line_has_waited_long() -> None:
    turns = Turns()
    each = LONG_WAIT_SECONDS / 4
    for _ in range(8):
        turns.join(partial(time.sleep, each))
    slow: list[bool] = []
    while turns.waiting:
        slow.append(turns.is_slow)
        await asyncio.sleep(0)
    # As many joined at once as are served within twice that time.
    assert not any(slow[:4])
    assert all(slow[5:])
    assert not turns.is_slow
