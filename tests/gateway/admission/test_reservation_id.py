"""Ids by which a click and its retry are one reservation, found in Redis by their first bytes."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from gateway.admission.reservation_id import derive as derive_of_customer
from gateway.admission.reservation_id import (
    fingerprint,
    random_id,
    replacement_of,
    sale_tag,
    tag_of,
)
from gateway.identity import Customer

TEXT = st.text("ab/:é🛒", max_size=4)
PARTS = st.tuples(TEXT, TEXT, TEXT, TEXT)


def derive(issuer: str, subject: str, sale_id: str, key: str) -> uuid.UUID:
    return derive_of_customer(Customer(issuer=issuer, subject=subject), sale_id, key)


def test_an_id_stays_the_same_for_ever() -> None:
    # A retry may meet a newer release: if this changes, it becomes a second reservation.
    derived = derive("https://shop.example", "ada", "friday", "8e03978e")
    assert derived == uuid.UUID("1a79668e-d2b3-8557-bd41-21a782a33034")
    assert fingerprint((("LAMP-1", 1), ("MUG", 2))) == "aQWc5H1HDAlAx9aU7gr6vg"


def test_what_replaces_a_reservation_has_an_id_of_its_own_and_keeps_it() -> None:
    expired = derive("https://shop.example", "ada", "friday", "8e03978e")
    new = replacement_of(expired, "friday")
    assert new == uuid.UUID("1a79668e-1092-8009-8885-5799da2bc414")
    assert tag_of(new) == sale_tag("friday")
    assert len({expired, new, replacement_of(new, "friday")}) == 3


@given(PARTS, PARTS)
def test_whatever_differs_makes_another_reservation(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert (derive(*one) == derive(*other)) == (one == other)


def test_the_borders_between_the_texts_count() -> None:
    assert derive("a", "b", "c", "de") != derive("a", "b", "cd", "e")
    assert derive("a", "bc", "s", "k") != derive("ab", "c", "s", "k")


@given(PARTS)
def test_an_id_is_a_uuid_of_version_eight(parts: tuple[str, str, str, str]) -> None:
    for reservation in (derive(*parts), random_id(parts[2])):
        assert reservation.version == 8
        assert reservation.variant == uuid.RFC_4122
        assert uuid.UUID(str(reservation)) == reservation


@given(PARTS)
def test_an_id_begins_with_the_tag_of_its_sale(parts: tuple[str, str, str, str]) -> None:
    sale_id = parts[2]
    assert tag_of(derive(*parts)) == tag_of(random_id(sale_id)) == sale_tag(sale_id)


def test_sales_have_other_tags() -> None:
    assert len({sale_tag(f"sale-{number}") for number in range(2000)}) == 2000


def test_without_a_key_no_two_ids_are_the_same() -> None:
    assert len({random_id("friday") for _ in range(10_000)}) == 10_000


def test_every_bit_that_is_free_is_used() -> None:
    numbers = [random_id("friday").int for _ in range(500)]
    ones, zeros = 0, 0
    for number in numbers:
        ones |= number
        zeros |= ~number
    changing = ones & zeros & ((1 << 96) - 1)
    assert changing.bit_count() == 96 - 4 - 2


WANTED = st.dictionaries(st.text("ab9", min_size=1, max_size=3), st.integers(1, 99), min_size=1)


@given(WANTED, WANTED)
def test_a_fingerprint_tells_checkouts_apart(one: dict[str, int], other: dict[str, int]) -> None:
    prints = [fingerprint(tuple(sorted(wanted.items()))) for wanted in (one, other)]
    assert (prints[0] == prints[1]) == (one == other)
    assert all(len(each) == 22 for each in prints)
