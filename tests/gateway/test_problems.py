"""Refusals in the form of RFC 9457."""

import json
import re
from pathlib import Path

import pytest

from gateway import problems
from gateway.problems import INSUFFICIENT_STOCK, OVERLOADED, SALE_NOT_OPEN, Problem

ALL = [value for value in vars(problems).values() if isinstance(value, Problem)]

# What clients were told: a code may be added, and none may change its status or go.
STATUS_OF_CODE = {
    "malformed": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not-found": 404,
    "unknown-sale": 404,
    "unknown-sku": 404,
    "unknown-reservation": 404,
    "method-not-allowed": 405,
    "body-too-slow": 408,
    "insufficient-stock": 409,
    "purchase-limit-exceeded": 409,
    "sale-not-open": 409,
    "sale-paused": 409,
    "sale-closed": 409,
    "cart-empty": 409,
    "changed": 409,
    "reservation-expired": 409,
    "reservation-released": 409,
    "already-paid": 409,
    "precondition-failed": 412,
    "body-too-large": 413,
    "unsupported-media-type": 415,
    "idempotency-key-reused": 422,
    "invalid": 422,
    "precondition-required": 428,
    "too-many-requests": 429,
    "internal": 500,
    "overloaded": 503,
    "stock-unverified": 503,
    "durability-unproven": 503,
    "ledger-behind": 503,
    "issuer-unavailable": 503,
}


PAGE = Path(__file__).parents[2] / "docs" / "problems.md"
# No call answers with these yet.
RESERVED = {"too-many-requests", "precondition-failed", "precondition-required"}


def headers_of(problem: Problem) -> dict[bytes, bytes]:
    return dict(problem.header_lines())


def test_no_code_changes_its_status_and_none_goes() -> None:
    statuses = {problem.code: problem.status for problem in ALL}
    assert statuses.items() >= STATUS_OF_CODE.items()
    assert len(statuses) == len(ALL), "a code stands for one problem"


def test_the_page_about_problems_names_every_code_and_its_status() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", PAGE.read_text(), re.MULTILINE)
    told = {code: int(status) for code, status in rows}
    expected = {problem.code: problem.status for problem in ALL if problem.code not in RESERVED}
    assert told == expected | {code: told[code] for code in RESERVED & told.keys()}


@pytest.mark.parametrize("problem", ALL, ids=lambda problem: problem.code)
def test_every_problem_is_a_document_of_rfc_9457(problem: Problem) -> None:
    document = json.loads(problem.to_json())
    assert document == {
        "type": f"urn:doorbuster:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
    }
    assert problem.title
    assert headers_of(problem)[b"content-type"] == b"application/problem+json"


def test_detail_and_members_stand_beside_the_rest() -> None:
    told = INSUFFICIENT_STOCK.because("None left.", lines=[{"sku": "MUG", "available": 0}])
    document = json.loads(told.to_json())
    assert document["detail"] == "None left."
    assert document["lines"] == [{"sku": "MUG", "available": 0}]
    assert document["code"] == "insufficient-stock"


def test_no_problem_is_kept_by_a_cache() -> None:
    assert all(headers_of(problem)[b"cache-control"] == b"no-store" for problem in ALL)


@pytest.mark.parametrize(
    "problem", [each for each in ALL if each.status in {429, 503}], ids=lambda problem: problem.code
)
def test_callers_of_a_busy_server_are_told_different_times(problem: Problem) -> None:
    busy = problem.retry_after(10)
    waits = {int(headers_of(busy)[b"retry-after"]) for _ in range(200)}
    assert len(waits) > 5
    assert min(waits) >= 10
    assert max(waits) <= 20


def test_a_busy_server_always_tells_a_time_of_at_least_a_second() -> None:
    for problem in ALL:
        if problem.status in {429, 503}:
            assert int(headers_of(problem)[b"retry-after"]) >= 1
    assert int(headers_of(OVERLOADED.retry_after(0))[b"retry-after"]) >= 1


def test_the_time_of_an_opening_is_told_exactly() -> None:
    for _ in range(20):
        assert headers_of(SALE_NOT_OPEN.retry_after(90))[b"retry-after"] == b"90"


def test_a_problem_without_a_time_has_no_retry_after() -> None:
    assert b"retry-after" not in headers_of(SALE_NOT_OPEN)


def test_a_missing_token_is_answered_with_the_scheme_that_would_help() -> None:
    assert headers_of(problems.UNAUTHENTICATED)[b"www-authenticate"] == b"Bearer"


def test_both_ways_to_answer_say_the_same() -> None:
    response = SALE_NOT_OPEN.retry_after(90).to_response()
    assert response.status_code == 409
    assert response.body == SALE_NOT_OPEN.to_json()
    length = (b"content-length", str(len(response.body)).encode())
    expected = [*SALE_NOT_OPEN.retry_after(90).header_lines(), length]
    assert sorted(response.raw_headers) == sorted(expected)
