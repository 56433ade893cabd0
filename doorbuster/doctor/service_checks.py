"""Judges what gateways and reconcilers keep: leases, records, the outbox, alarms."""

from collections.abc import Iterator
from typing import Final

from doorbuster.doctor.finding import Check, Finding, fault, ok, warning
from doorbuster.doctor.redis_durability import LEVELS
from doorbuster.doctor.service_facts import RecordFacts, ServiceFacts

NAMED: Final = 5
START: Final = "doorbuster reconciler"
ACKNOWLEDGE: Final = "doorbuster alarm acknowledge"


def service_findings(facts: ServiceFacts, wanted: str) -> Iterator[Finding]:
    """Judge everything, for the level that DOORBUSTER_DURABILITY wants."""
    yield reconcilers(facts)
    yield leases(facts)
    if facts.records is not None:
        yield records(facts.records)
        yield levels(facts.records, wanted)
    yield from outbox(facts)
    yield from alarms(facts)


def reconcilers(facts: ServiceFacts) -> Finding:
    """Without one no order reaches the ledger, and no unit comes back."""
    check = Check.DOORBUSTER_RECONCILERS
    if facts.reconcilers:
        return ok(check, f"{facts.reconcilers} alive")
    if facts.sales:
        return fault(check, f"none is alive, and there are {facts.sales} sales to keep", START)
    return warning(check, "none is alive; no sale was opened yet", START)


def leases(facts: ServiceFacts) -> Finding:
    """Each opened sale is led by one reconciler."""
    check = Check.DOORBUSTER_LEASES
    if not facts.unled:
        return ok(check, f"no sale goes without ({facts.sales} sales)")
    longest = max(each.seconds for each in facts.unled)
    names = _named([each.sale_id for each in facts.unled])
    return fault(
        check,
        f"nobody leads {names}, for up to {longest:.0f} s",
        f"{START}; where one runs, its log says what keeps it from taking them",
    )


def records(found: tuple[RecordFacts, ...]) -> Finding:
    """An unproven record is closed: its sale answers 503."""
    check = Check.DOORBUSTER_RECORDS
    unproven = [each.sale_id for each in found if not each.proven]
    if unproven:
        return fault(
            check,
            f"Redis has no proven record of {_named(unproven)}: checkouts are answered "
            "stock-unverified",
            f"a reconciler proves it within a second: {START}; where one runs, its log says why "
            "not",
        )
    return ok(check, f"none is unproven ({len(found)} sales)")


def levels(found: tuple[RecordFacts, ...], wanted: str) -> Finding:
    """What the reconciler could prove is stamped on each record."""
    check = Check.DOORBUSTER_LEVELS
    short = [each for each in found if each.proven and _is_short(each, wanted)]
    if short:
        told = _named([f"{each.sale_id} ({each.stamped})" for each in short])
        return fault(
            check,
            f"the server proved less than is wanted: {told}",
            "mend redis.durability; a reconciler stamps what it proves every 15 seconds",
        )
    return ok(check, "none is below the level that is wanted")


def _is_short(record: RecordFacts, wanted: str) -> bool:
    asked = [level for level in (wanted, record.wanted) if level in LEVELS]
    stamped = LEVELS.index(record.stamped) if record.stamped in LEVELS else 0
    return any(LEVELS.index(level) > stamped for level in asked)


def outbox(facts: ServiceFacts) -> Iterator[Finding]:
    """What was decided in the ledger reaches Redis within milliseconds."""
    for each in facts.stuck:
        yield fault(
            Check.DOORBUSTER_OUTBOX,
            f"sale {each.sale_id}: {each.pending} changes wait for Redis, the oldest is row "
            f"{each.oldest}",
            f"units are not sold again until then: {START}; where one runs, its log says why not",
        )
    if not facts.stuck:
        yield ok(Check.DOORBUSTER_OUTBOX, "nothing waits for long")


def alarms(facts: ServiceFacts) -> Iterator[Finding]:
    """Something that must not happen did, and nobody has said that they know."""
    for each in facts.alarms:
        yield fault(
            Check.DOORBUSTER_ALARMS,
            f"sale {each.sale_id}, {each.at:%Y-%m-%d %H:%M} UTC: {each.what}",
            f"doorbuster audit {each.sale_id}; once you know why: {ACKNOWLEDGE} {each.id}",
        )
    if not facts.alarms:
        yield ok(Check.DOORBUSTER_ALARMS, "none is open")


def _named(names: list[str]) -> str:
    shown = ", ".join(names[:NAMED])
    rest = len(names) - NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown
