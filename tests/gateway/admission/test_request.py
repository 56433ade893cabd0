"""A checkout is parsed into what the script may rely on, or refused with what is wrong with it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admission.request import (
    MAX_LINES,
    MAX_QUANTITY,
    CustomersCart,
    Wanted,
    idempotency_key,
    parse_checkout,
)
from gateway.asgi import MAX_BODY_BYTES
from gateway.json_body import MAX_ERRORS_TOLD
from gateway.problems import Problem, Refusal

JSON = b"application/json"


def parse(body: object) -> Wanted | CustomersCart:
    return parse_checkout(JSON, body if isinstance(body, bytes) else json.dumps(body).encode())


def lines(*wanted: tuple[str, object]) -> dict[str, object]:
    return {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in wanted]}


def quantity(text: str) -> bytes:
    """A checkout whose quantity is written like that."""
    return b'{"lines":[{"sku":"MUG","quantity":%b}]}' % text.encode()


def problem_of(body: object, content_type: bytes | None = JSON) -> Problem:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Refusal) as caught:
        parse_checkout(content_type, raw)
    return caught.value.problem


def pointers_of(body: object) -> list[str]:
    """Where the faults of an invalid checkout are."""
    problem = problem_of(body)
    assert (problem.status, problem.code) == (422, "invalid")
    errors = json.loads(problem.to_json())["errors"]
    assert all(error["detail"] for error in errors)
    return [error["pointer"] for error in errors]


# What is wanted


def test_lines_are_sku_and_quantity() -> None:
    assert parse(lines(("LAMP-1", 2))) == (("LAMP-1", 2),)


def test_lines_are_sorted_by_sku() -> None:
    assert parse(lines(("b", 1), ("a", 2), ("B", 3))) == (("B", 3), ("a", 2), ("b", 1))


def test_a_sku_that_stands_twice_is_summed() -> None:
    assert parse(lines(("MUG", 1), ("LAMP-1", 1), ("MUG", 2))) == (("LAMP-1", 1), ("MUG", 3))


def test_without_lines_the_cart_is_meant() -> None:
    assert parse({}) == CustomersCart()


@pytest.mark.parametrize("sku", ["a", "A.b_c-9", "0", "-", "x" * 64])
def test_any_sku_of_the_interface_will_do(sku: str) -> None:
    assert parse(lines((sku, 1))) == ((sku, 1),)


def test_the_longest_checkout_fits_into_the_largest_body() -> None:
    longest = [(f"{number:064}", MAX_QUANTITY) for number in range(MAX_LINES)]
    body = json.dumps(lines(*longest)).encode()
    assert len(body) <= MAX_BODY_BYTES
    assert parse(body) == tuple(longest)


SKUS = st.text("Ab9._-", min_size=1, max_size=3)


@given(st.lists(st.tuples(SKUS, st.integers(1, 100)), min_size=1, max_size=MAX_LINES))
def test_no_unit_is_lost_and_no_sku_stands_twice(wanted: list[tuple[str, int]]) -> None:
    parsed = parse(lines(*wanted))
    assert isinstance(parsed, tuple)
    assert [sku for sku, _ in parsed] == sorted({sku for sku, _ in wanted})
    assert sum(units for _, units in parsed) == sum(units for _, units in wanted)


@given(st.binary(max_size=200))
def test_no_bytes_cause_anything_but_a_refusal(body: bytes) -> None:
    try:
        parse(body)
    except Refusal as refusal:
        status = refusal.problem.status
    else:
        status = 200
    assert status in {200, 400, 422}


# Bounds


@pytest.mark.parametrize("units", [1, MAX_QUANTITY])
def test_quantities_within_the_bounds_will_do(units: int) -> None:
    assert parse(lines(("MUG", units))) == (("MUG", units),)


@pytest.mark.parametrize("units", [0, -1, MAX_QUANTITY + 1, 10**18, -(10**18), 2**64, 10**400])
def test_quantities_out_of_bounds_are_refused(units: int) -> None:
    assert pointers_of(lines(("MUG", units))) == ["/lines/0/quantity"]


def test_the_sum_has_the_same_bound() -> None:
    assert parse(lines(("MUG", MAX_QUANTITY - 1), ("MUG", 1))) == (("MUG", MAX_QUANTITY),)
    assert pointers_of(lines(("MUG", MAX_QUANTITY), ("MUG", 1))) == ["/lines"]


@pytest.mark.parametrize("count", [0, MAX_LINES + 1, 10_000])
def test_so_many_lines_are_refused(count: int) -> None:
    assert pointers_of(lines(*[("MUG", 1)] * count)) == ["/lines"]


@pytest.mark.parametrize(
    "sku",
    ["", "x" * 65, "a b", "a:1", "a;b", "a|b", "a=b", "ä", "a\n", "\n", "a\0", "../a", "a/b", "🛒"],
)
def test_a_sku_that_would_break_a_record_is_refused(sku: str) -> None:
    assert pointers_of(lines((sku, 1))) == ["/lines/0/sku"]


# Types


NO_INTEGERS = """1e400 -1e400 0.5 1e5 true null "1" [1] {} NaN Infinity -Infinity"""


@pytest.mark.parametrize("text", NO_INTEGERS.split())
def test_a_quantity_is_an_integer_and_nothing_like_one(text: str) -> None:
    assert pointers_of(quantity(text)) == ["/lines/0/quantity"]


@pytest.mark.parametrize(("text", "units"), [("1.0", 1), ("1e0", 1), ("1e3", 1000), ("20e-1", 2)])
def test_an_integer_is_one_however_it_is_written(text: str, units: int) -> None:
    assert parse(quantity(text)) == (("MUG", units),)


@pytest.mark.parametrize("sku", [1, 1.5, True, None, ["MUG"], {"sku": "MUG"}])
def test_a_sku_is_a_string(sku: object) -> None:
    assert pointers_of({"lines": [{"sku": sku, "quantity": 1}]}) == ["/lines/0/sku"]


@pytest.mark.parametrize("value", [None, {}, "MUG", 1, True])
def test_lines_are_an_array(value: object) -> None:
    assert pointers_of({"lines": value}) == ["/lines"]


@pytest.mark.parametrize("value", [None, [], "MUG", 1, True])
def test_a_line_is_an_object(value: object) -> None:
    assert pointers_of({"lines": [value]})[0].startswith("/lines/0")


@pytest.mark.parametrize("body", [[], [[]], "MUG", 1, None, True])
def test_a_body_is_an_object(body: object) -> None:
    assert pointers_of(body) == [""]


def test_a_field_that_is_missing_is_named() -> None:
    assert pointers_of({"lines": [{"sku": "MUG"}, {}]}) == [
        "/lines/0/quantity",
        "/lines/1/sku",
        "/lines/1/quantity",
    ]


def test_a_field_that_nobody_knows_is_named() -> None:
    line = {"sku": "MUG", "quantity": 1, "price": 0}
    assert pointers_of({"lines": [line], "total": 0}) == ["/lines/0/price", "/total"]


def test_a_pointer_is_escaped() -> None:
    assert pointers_of({"a/b~c": 1}) == ["/a~1b~0c"]


def test_a_thousand_faults_are_told_in_part() -> None:
    assert len(pointers_of({f"field-{number}": 1 for number in range(1000)})) == MAX_ERRORS_TOLD


# What is no JSON


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"lines":[',
        b"{} {}",
        b"{}x",
        b"{'lines':[]}",
        b'{"lines":[],}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
        b'{"lines":[{"sku":"\xff","quantity":1}]}',
        b'{"lines":[{"sku":"\xed\xa0\x80","quantity":1}]}',
        b'{"lines":[{"sku":"\\ud800","quantity":1}]}',
        b'{"\\udfff":1}',
        b'{"lines":"\0"}',
        b"\0",
        b"[" * MAX_BODY_BYTES,
        b'{"lines":' * 1800,
        quantity("01"),
        quantity("+1"),
        quantity("0x1"),
        quantity("1_0"),
        quantity("9" * 5000),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    problem = problem_of(body)
    assert (problem.status, problem.code) == (400, "malformed")


@pytest.mark.parametrize(
    "content_type",
    [b"application/json", b"Application/JSON", b"application/json; charset=utf-8"],
)
def test_a_body_that_is_called_json_is_read(content_type: bytes) -> None:
    assert parse_checkout(content_type, b"{}") == CustomersCart()


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        b"",
        b"text/plain",
        b"application/x-www-form-urlencoded",
        b"application/json5",
        b"text/plain; application/json",
    ],
)
def test_a_body_that_is_called_something_else_is_not_read(
    content_type: bytes | None,
) -> None:
    problem = problem_of(b"{}", content_type)
    assert (problem.status, problem.code) == (415, "unsupported-media-type")


# Idempotency keys


def test_a_key_may_be_left_out() -> None:
    assert idempotency_key(None) is None


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        (b"8e03978e-40d5-43dd-bc93", "8e03978e-40d5-43dd-bc93"),
        (b'"8e03978e-40d5-43dd-bc93"', "8e03978e-40d5-43dd-bc93"),
        (b"x", "x"),
        (b"!~", "!~"),
        (b'a"b', 'a"b'),
        (rb'"a\"b"', 'a"b'),
        (rb"a\b", r"a\b"),
        (rb'"a\\b"', r"a\b"),
        (b"k" * 128, "k" * 128),
        (b'"' + b"k" * 128 + b'"', "k" * 128),
        (b'"' + rb"\"" * 128 + b'"', '"' * 128),
    ],
)
def test_a_key_is_the_same_with_and_without_quotes(sent: bytes, key: str) -> None:
    assert idempotency_key(sent) == key


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b'""',
        b'"',
        b'"a',
        b'"a"b',
        b'"a";p=1',
        rb'"a\b"',
        b'"a\\"',
        b"a b",
        b'"a b"',
        b"a\tb",
        b"\x7f",
        "schlüssel".encode(),
        b"\xff",
        b"k" * 129,
        b'"' + b"k" * 129 + b'"',
    ],
)
def test_what_is_no_key_is_refused(sent: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        idempotency_key(sent)
    assert caught.value.problem.code == "malformed"


VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128)


@given(VISIBLE)
def test_every_visible_key_survives_its_quotes(key: str) -> None:
    escaped = key.replace("\\", r"\\").replace('"', r"\"")
    assert idempotency_key(f'"{escaped}"'.encode()) == key
