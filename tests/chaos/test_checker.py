"""Each check is shown a small history in which one thing is wrong, and reports that."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from chaos.books import Books, Item, Row
from chaos.checker import CHECKS, Check, check
from chaos.history import Checkout, History, Settlement, Sight, Strike

ADA, BOB = "a" * 32, "b" * 32
LOST = (
    "epoch 1 was rebuilt from the ledger at version 1 (why); up to 1 acknowledged changes were lost"
)
Change = Callable[[History, Books], Books]


def story() -> tuple[History, Books]:
    """Ada buys and pays, Bob buys and gives up; nothing is wrong with it."""
    checkouts = [
        told("ada", "1", status=201, id=ADA, version=1),
        told("bob", "2", status=0),
        told("bob", "2", status=200, id=BOB, version=2),
        told("eve", "3", status=409, code="insufficient-stock", short=("MUG",), lines={"MUG": 1}),
    ]
    settlements = [settled("confirm", ADA, "pay-1"), settled("release", BOB, "")]
    sights = [sight(1, 1, LAMP=2), sight(1, 4, LAMP=2, MUG=0)]
    history = History(checkouts=checkouts, settlements=settlements, sights=sights)
    rows = [row(ADA, "ada", "paid", 1, reference="pay-1"), row(BOB, "bob", "released", 2)]
    return history, books(rows)


def books(rows: list[Row]) -> Books:
    lamp = Item(granted=3, taken=1, limit=1, available=2, raised=3, lowered=0)
    mug = Item(granted=0, taken=0, limit=0, available=0, raised=0, lowered=0)
    return Books(
        rows=rows,
        items={"LAMP": lamp, "MUG": mug},
        alarms=[],
        recoveries={},
        disagreements=[],
        epoch=1,
        version=4,
    )


def told(
    customer: str, key: str, *, lines: dict[str, int] | None = None, **how: object
) -> Checkout:
    wanted = lines or {"LAMP": 1}
    return Checkout(customer=customer, key=key, lines=wanted, gateway=0, began=1, ended=2, **how)


def settled(act: str, id_: str, reference: str, status: int = 200, **how: object) -> Settlement:
    return Settlement(
        act=act, id=id_, reference=reference, gateway=0, began=3, ended=4, status=status, **how
    )


def sight(epoch: int, version: int, **stock: int) -> Sight:
    return Sight(epoch=epoch, version=version, stock={"LAMP": 0, "MUG": 0} | stock)


def row(id_: str, customer: str, state: str, version: int, reference: str | None = None) -> Row:
    return Row(
        id=id_,
        customer=customer,
        state=state,
        lines={"LAMP": 1},
        epoch=1,
        version=version,
        reference=reference,
    )


def strike(**how: object) -> Strike:
    return Strike(name="a fault", began=0, unanswered=1, ended=10, **how)


def found(history: History, kept: Books) -> set[str]:
    return {violation.invariant for violation in check(history, kept)}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert check(*story()) == []


# What may be wrong, one thing at a time


def oversold(_: History, kept: Books) -> Books:
    return replace(kept, items=kept.items | {"LAMP": replace(kept.items["LAMP"], granted=0)})


def miscounted(_: History, kept: Books) -> Books:
    return replace(kept, items=kept.items | {"LAMP": replace(kept.items["LAMP"], taken=2)})


def too_many_paid(history: History, kept: Books) -> Books:
    """The books add up, and yet more people were told that they had paid than there were units."""
    one = replace(kept.items["LAMP"], granted=1, available=0, raised=1)
    for number in "cd":
        history.checkouts.append(told(number, number, status=201, id=number * 32, version=9))
        history.settlements.append(settled("confirm", number * 32, f"pay-{number}"))
    return replace(kept, items=kept.items | {"LAMP": one})


def unit_gone(_: History, kept: Books) -> Books:
    return replace(kept, items=kept.items | {"LAMP": replace(kept.items["LAMP"], available=1)})


def falsely_sold_out(history: History, kept: Books) -> Books:
    plenty = replace(kept.items["MUG"], granted=9, raised=9, available=9)
    history.sights[-1] = sight(1, 4, LAMP=2, MUG=9)
    return replace(kept, items=kept.items | {"MUG": plenty})


def order_gone(history: History, kept: Books) -> Books:
    history.settlements.clear()
    history.checkouts.append(told("dan", "4", status=201, id="d" * 32, version=3))
    return kept


def more_gone_than_reported(history: History, kept: Books) -> Books:
    history.strikes.append(strike(loses_redis=True))
    for number in "de":
        history.checkouts.append(told(number, number, status=201, id=number * 32, version=9))
    return replace(kept, alarms=[LOST])


def gone_for_no_reason(history: History, kept: Books) -> Books:
    """As many as are reported, and yet what struck was much later."""
    history.strikes.append(replace(strike(loses_redis=True), began=100, ended=101))
    history.checkouts.append(told("dan", "4", status=201, id="d" * 32, version=3))
    return replace(kept, alarms=[LOST])


def rollback_unnoticed(history: History, kept: Books) -> Books:
    history.strikes.append(strike(ledger_lost_from=1.0))
    return kept


def order_twice(_: History, kept: Books) -> Books:
    return replace(kept, rows=[*kept.rows, kept.rows[1]])


def change_twice(_: History, kept: Books) -> Books:
    return replace(kept, rows=[kept.rows[0], replace(kept.rows[1], version=1)])


def another_order(_: History, kept: Books) -> Books:
    return replace(kept, rows=[kept.rows[0], replace(kept.rows[1], lines={"LAMP": 2})])


def unasked(_: History, kept: Books) -> Books:
    return replace(kept, rows=[*kept.rows, row("e" * 32, "eve", "expired", 3)])


def over_the_limit(history: History, kept: Books) -> Books:
    history.checkouts.append(told("ada", "4", status=201, id="d" * 32, version=3))
    history.sights[-1] = sight(1, 4, LAMP=1)
    lamp = replace(kept.items["LAMP"], taken=2, available=1)
    rows = [*kept.rows, row("d" * 32, "ada", "held", 3)]
    return replace(kept, rows=rows, items=kept.items | {"LAMP": lamp})


def disagreeing(_: History, kept: Books) -> Books:
    return replace(kept, disagreements=["the mirror is another"])


def paid_is_expired(_: History, kept: Books) -> Books:
    return replace(kept, rows=[replace(kept.rows[0], state="expired"), kept.rows[1]])


def released_is_paid(_: History, kept: Books) -> Books:
    return replace(kept, rows=[kept.rows[0], replace(kept.rows[1], state="paid")])


def refunded_is_paid(history: History, kept: Books) -> Books:
    history.settlements = [settled("confirm", ADA, "pay-1", status=409, refund=True)]
    return kept


def paid_is_gone(history: History, kept: Books) -> Books:
    """Even where Redis may lose what it said."""
    history.strikes.append(strike(loses_redis=True))
    return replace(kept, rows=[kept.rows[1]], alarms=[LOST])


def another_id(history: History, kept: Books) -> Books:
    history.checkouts.append(told("ada", "1", status=202, id=BOB))
    return kept


def created_again(history: History, kept: Books) -> Books:
    history.checkouts.append(told("ada", "1", status=201, id=ADA, version=1))
    return kept


def told_too_early(history: History, kept: Books) -> Books:
    history.checkouts[0].row_found = False
    return kept


def sight_repeated(history: History, kept: Books) -> Books:
    history.sights.append(history.sights[-1])
    return kept


def last_sight_missing(history: History, kept: Books) -> Books:
    history.sights.pop()
    history.sights.append(sight(1, 4, LAMP=1))
    return kept


def server_error(history: History, kept: Books) -> Books:
    history.checkouts.append(told("dan", "4", status=500))
    return kept


def denied(history: History, kept: Books) -> Books:
    history.settlements.append(
        settled("confirm", BOB, "late", status=404, code="unknown-reservation")
    )
    return kept


WRONGS: list[tuple[Change, str]] = [
    (oversold, "I1"),
    (miscounted, "I1"),
    (too_many_paid, "I1"),
    (unit_gone, "I2"),
    (falsely_sold_out, "I8"),
    (order_gone, "I4"),
    (more_gone_than_reported, "I4"),
    (gone_for_no_reason, "I4"),
    (rollback_unnoticed, "I4"),
    (order_twice, "I5"),
    (change_twice, "I5"),
    (another_order, "I5"),
    (unasked, "I5"),
    (over_the_limit, "I6"),
    (disagreeing, "I7"),
    (paid_is_expired, "I9"),
    (released_is_paid, "I9"),
    (refunded_is_paid, "I9"),
    (paid_is_gone, "I9"),
    (another_id, "I10"),
    (created_again, "I10"),
    (told_too_early, "I12"),
    (sight_repeated, "I15"),
    (last_sight_missing, "I15"),
    (server_error, "answers"),
    (denied, "answers"),
]


@pytest.mark.parametrize(("change", "invariant"), WRONGS)
def test_what_is_wrong_is_found(change: Change, invariant: str) -> None:
    history, kept = story()
    assert invariant in found(history, change(history, kept))


@pytest.mark.parametrize("each", CHECKS)
def test_each_check_finds_something(each: Check) -> None:
    """Whoever takes one away is missed by no other."""
    histories = [(change, *story()) for change, _ in WRONGS]
    assert any(list(each(history, change(history, kept))) for change, history, kept in histories)


def test_a_loss_that_was_possible_and_is_reported_is_none() -> None:
    history, kept = story()
    history.strikes.append(strike(loses_redis=True))
    history.checkouts.append(told("dan", "4", status=201, id="d" * 32, version=2))
    assert found(history, replace(kept, alarms=[LOST])) == set()


def test_the_loss_of_an_epoch_counts_once_though_it_is_reported_twice() -> None:
    _, kept = story()
    later = LOST.replace("was rebuilt from the ledger", "ended").replace("up to 1", "up to 3")
    assert (
        replace(kept, alarms=[LOST, later, LOST.replace("epoch 1", "epoch 2")]).reported_lost == 4
    )
