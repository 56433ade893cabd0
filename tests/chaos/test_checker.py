"""Each check is shown a small history in which one thing is wrong, and reports that."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from chaos.books import Alarm, Books, Item, Recovery, Row
from chaos.checker import CHECKS, Check, check
from chaos.history import Checkout, History, Look, Settlement, Sight, Strike
from chaos.sequence import judged_short

from lua.entry import Entry, Kind
from sql.alarms import AlarmKind

ADA, BOB, CAT = (f"{letter * 8}-{letter * 24}" for letter in "abc")
LOST = Alarm(
    kind=AlarmKind.REBUILT,
    what="epoch 1 was rebuilt from the ledger at version 1 (why); up to 1 acknowledged changes "
    "were lost",
)
Change = Callable[[History, Books], Books]


def story() -> tuple[History, Books]:
    """Ada buys and pays, Bob buys and gives up, Eve wants what is sold out; nothing is wrong."""
    entries = [
        admitted(1, "a" * 32, LAMP=2),
        admitted(2, "b" * 32, LAMP=1),
        entry(3, Kind.RETURNS, f"{'b' * 32}rLAMP:1:500", LAMP=2),
        entry(4, Kind.LOWERING, "request|MUG|2|{}", MUG=0),
    ]
    checkouts = [
        told("ada", "1", status=201, id=ADA, version=1),
        told("bob", "2", status=0),
        told("bob", "2", status=200, id=BOB, version=2),
        told("eve", "3", status=409, code="insufficient-stock", short=("MUG",), lines={"MUG": 1}),
    ]
    checkouts[-1].began, checkouts[-1].ended = 7.0, 7.1
    settlements = [settled("confirm", ADA, "pay-1"), settled("release", BOB, "")]
    sights = [sight(1, 1, LAMP=2), sight(1, 4, LAMP=2, MUG=0)]
    history = History(
        checkouts=checkouts,
        settlements=settlements,
        sights=sights,
        entries={(each.epoch, each.first): each for each in entries},
        looks=[Look(epoch=1, oldest=2, committed=1, waiting=3, limit=10)],
        clock_ahead_seconds=0.0,
    )
    rows = [row(ADA, "ada", "paid", 1, reference="pay-1"), row(BOB, "bob", "released", 2)]
    return history, books(rows)


def books(rows: list[Row]) -> Books:
    lamp = Item(granted=3, taken=1, limit=1, available=2, raised=3, lowered=0)
    mug = Item(granted=0, taken=0, limit=0, available=0, raised=0, lowered=0)
    return Books(
        rows=rows,
        items={"LAMP": lamp, "MUG": mug},
        alarms=[],
        recoveries=[Recovery(epoch=1, outcome="rebuilt", ended_epoch=0, version=0)],
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


def admitted(version: int, id_: str, **stock: int) -> Entry:
    return entry(version, Kind.ADMISSIONS, f"{id_}{'c' * 22}{'f' * 22}LAMP:1:500|{{}}", **stock)


def entry(version: int, kind: Kind, body: str, epoch: int = 1, **stock: int) -> Entry:
    """Each a second after the one before, from the second one on."""
    return Entry(
        epoch=epoch,
        first=version,
        last=version,
        at_ms=1000 + 1000 * version,
        kind=kind,
        body=body,
        stock=stock,
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


def never_short(history: History, kept: Books) -> Books:
    """Eve was told that there is no LAMP, and at no time fewer than one was left."""
    history.checkouts[3].short, history.checkouts[3].lines = ("LAMP",), {"LAMP": 1}
    return kept


def short_later(history: History, kept: Books) -> Books:
    """Eve was told that two are too many, long after they were there again."""
    eve = history.checkouts[3]
    eve.short, eve.lines, eve.began, eve.ended = ("LAMP",), {"LAMP": 2}, 5.6, 5.7
    return kept


def stock_jumps(history: History, kept: Books) -> Books:
    history.entries[1, 2] = admitted(2, "b" * 32, LAMP=0)
    return kept


def version_twice(history: History, kept: Books) -> Books:
    history.entries[2, 2] = replace(admitted(2, "d" * 32, LAMP=1), epoch=2)
    return kept


def returned_twice(history: History, kept: Books) -> Books:
    history.entries[1, 5] = entry(5, Kind.RETURNS, f"{'b' * 32}rLAMP:1:500", LAMP=3)
    return kept


def another_version(_: History, kept: Books) -> Books:
    rows = [replace(kept.rows[0], version=2), replace(kept.rows[1], version=1)]
    return replace(kept, rows=rows)


def out_of_order(history: History, kept: Books) -> Books:
    """Bob asked after Ada had been told, and was numbered before her."""
    history.checkouts[1].began = history.checkouts[2].began = 5.0
    history.checkouts[0].version, history.checkouts[2].version = 6, 5
    rows = [replace(kept.rows[0], version=6), replace(kept.rows[1], version=5)]
    return replace(kept, rows=rows)


def trimmed_unread(history: History, kept: Books) -> Books:
    history.looks.append(Look(epoch=1, oldest=4, committed=2, waiting=2, limit=10))
    return kept


def unbounded(history: History, kept: Books) -> Books:
    history.looks.append(Look(epoch=1, oldest=1, committed=0, waiting=11, limit=10))
    return kept


def unfenced(_: History, kept: Books) -> Books:
    return replace(kept, rows=[replace(kept.rows[0], epoch=2), kept.rows[1]])


def alarmed_for_nothing(_: History, kept: Books) -> Books:
    return replace(kept, alarms=[LOST])


def contradicted(history: History, kept: Books) -> Books:
    """No loss of Redis makes what survives of it contradict the ledger."""
    history.strikes.append(strike(loses_redis=True))
    return replace(kept, alarms=[Alarm(kind=AlarmKind.CONTRADICTED, what="a gap")])


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


def refunded_is_paid_late(history: History, kept: Books) -> Books:
    """By what was bought in its place."""
    late = replace(row(CAT, "bob", "paid", 3, reference="pay-2"), replaces=BOB)
    history.settlements = [settled("confirm", BOB, "pay-2", status=409, refund=True)]
    return replace(
        kept, rows=[replace(kept.rows[0], state="expired", reference=None), kept.rows[1], late]
    )


def paid_late_by_another(history: History, kept: Books) -> Books:
    late = replace(row(CAT, "bob", "paid", 3, reference="pay-3"), replaces=BOB)
    history.settlements = [settled("confirm", BOB, "pay-2")]
    return replace(kept, rows=[kept.rows[0], replace(kept.rows[1], state="expired"), late])


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
    (never_short, "I8"),
    (short_later, "I8"),
    (stock_jumps, "I11"),
    (version_twice, "I11"),
    (another_version, "I11"),
    (out_of_order, "I11"),
    (returned_twice, "I9"),
    (trimmed_unread, "I13"),
    (unbounded, "I14"),
    (unfenced, "I16"),
    (alarmed_for_nothing, "alarms"),
    (contradicted, "alarms"),
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
    (refunded_is_paid_late, "I9"),
    (paid_late_by_another, "I9"),
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


def test_a_late_payment_pays_what_was_bought_in_place_of_the_expired_order() -> None:
    history, kept = story()
    history.settlements = [settled("confirm", ADA, "pay-1"), settled("confirm", BOB, "pay-2")]
    history.sights[-1] = sight(1, 4, LAMP=1)
    late = replace(row(CAT, "bob", "paid", 3, reference="pay-2"), replaces=BOB)
    rows = [kept.rows[0], replace(kept.rows[1], state="expired"), late]
    lamp = replace(kept.items["LAMP"], taken=2, available=1)
    assert (
        found(history, replace(kept, rows=rows, items=dict(kept.items) | {"LAMP": lamp})) == set()
    )


def test_a_loss_that_was_possible_and_is_reported_is_none() -> None:
    history, kept = story()
    history.strikes.append(strike(loses_redis=True))
    history.checkouts.append(told("dan", "4", status=201, id="d" * 32, version=2))
    assert found(history, replace(kept, alarms=[LOST])) == set()


def test_a_rebuild_of_everything_needs_no_reason() -> None:
    history, kept = story()
    nothing = replace(LOST, what=LOST.what.replace("up to 1", "up to 0"))
    assert found(history, replace(kept, alarms=[nothing])) == set()


def test_the_loss_of_an_epoch_counts_once_though_it_is_reported_twice() -> None:
    _, kept = story()
    later = LOST.what.replace("was rebuilt from the ledger", "ended").replace("up to 1", "up to 3")
    other = LOST.what.replace("epoch 1", "epoch 2")
    alarms = [LOST, *(replace(LOST, what=what) for what in (later, other))]
    assert replace(kept, alarms=alarms).reported_lost == 4


# Where too little is known, nobody is accused


def test_what_was_short_is_judged_where_it_is_known_what_was_left() -> None:
    assert judged_short(*story()) == 1


def test_what_was_short_a_moment_ago_may_be_told() -> None:
    history, kept = story()
    short_later(history, kept)
    history.checkouts[3].began = 5.0
    assert found(history, kept) == set()


def test_what_was_short_before_the_first_entry_is_not_judged() -> None:
    history, kept = story()
    history.checkouts[3].began = 1.0
    assert judged_short(history, kept) == 0


def test_what_was_short_within_a_rebuild_is_not_judged() -> None:
    history, kept = story()
    history.entries[2, 5] = entry(5, Kind.GRANT, "LAMP|7|1", epoch=2, LAMP=9)
    kept = replace(
        kept, recoveries=[Recovery(epoch=2, outcome="rebuilt", ended_epoch=1, version=4)]
    )
    assert judged_short(history, kept) == 0


def test_what_a_loss_took_away_is_no_part_of_the_history() -> None:
    history, kept = story()
    history.entries[1, 5] = admitted(5, "d" * 32, LAMP=1)
    history.entries[2, 5] = replace(admitted(5, "e" * 32, LAMP=1), epoch=2)
    rebuilt = Recovery(epoch=2, outcome="rebuilt", ended_epoch=1, version=4)
    assert found(history, replace(kept, recoveries=[rebuilt])) == set()


def test_what_an_epoch_said_that_the_ledger_has_forgotten_is_no_part_of_it_either() -> None:
    """The ledger was taken back behind the beginning of the second epoch."""
    history, kept = story()
    history.entries[2, 5] = replace(admitted(5, "d" * 32, LAMP=1), epoch=2)
    history.entries[3, 5] = replace(admitted(5, "d" * 32, LAMP=1), epoch=3)
    rebuilt = Recovery(epoch=3, outcome="rebuilt", ended_epoch=1, version=4)
    assert found(history, replace(kept, recoveries=[rebuilt])) == set()
