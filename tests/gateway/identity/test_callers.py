"""Who may make which call."""

import pytest
from key_ledger import Ledger
from minting import AUDIENCE, ISSUER, NOW, SECRET, claims, mint
from starlette.types import Scope

from gateway.identity import ApiKeys, Callers, Customer, StaticKey, Tokens
from gateway.identity.bearer import MAX_TOKEN_BYTES
from gateway.problems import Problem, Refusal

ADA = Customer(issuer=ISSUER, subject="ada")


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def callers(ledger: Ledger) -> Callers:
    tokens = Tokens(
        StaticKey(SECRET, "HS256"),
        algorithm="HS256",
        issuer=ISSUER,
        audience=AUDIENCE,
        clock=lambda: NOW,
    )
    return Callers(tokens, ApiKeys(ledger.find))


def request(*authorization: bytes) -> Scope:
    return {"headers": [(b"authorization", each) for each in authorization]}


def bearing(credentials: bytes) -> Scope:
    return request(b"Bearer " + credentials)


async def problem_of(callers: Callers, scope: Scope) -> Problem:
    with pytest.raises(Refusal) as caught:
        await callers.customer(scope)
    return caught.value.problem


async def test_a_customer_calls_with_a_token(callers: Callers) -> None:
    assert await callers.customer(bearing(mint(claims()))) == ADA
    assert await callers.customer_or_machine(bearing(mint(claims())), "settle") == ADA


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER ", b"Bearer   "])
async def test_the_scheme_may_be_written_in_any_case(callers: Callers, scheme: bytes) -> None:
    assert await callers.customer(request(scheme + mint(claims()))) == ADA


async def test_a_machine_calls_with_a_key(callers: Callers, ledger: Ledger) -> None:
    key = ledger.add("settle")
    assert not isinstance(await callers.customer_or_machine(bearing(key), "settle"), Customer)
    assert (await callers.machine(bearing(key), "settle")).name == "payments"


async def test_a_key_is_no_customer(callers: Callers, ledger: Ledger) -> None:
    problem = await problem_of(callers, bearing(ledger.add("admin")))
    assert (problem.status, problem.code) == (403, "forbidden")
    assert ledger.asked == 0


async def test_a_customer_is_no_machine(callers: Callers) -> None:
    with pytest.raises(Refusal) as caught:
        await callers.machine(bearing(mint(claims())), "admin")
    assert caught.value.problem.status == 403


async def test_a_bad_token_is_told_so_even_where_no_token_would_do(callers: Callers) -> None:
    with pytest.raises(Refusal) as caught:
        await callers.machine(bearing(mint(claims(exp=1))), "admin")
    assert caught.value.problem.status == 401


async def test_a_call_without_credentials_is_told_what_is_missing(callers: Callers) -> None:
    problem = await problem_of(callers, {"headers": []})
    assert (problem.status, problem.detail) == (401, "The Authorization header is missing.")
    assert problem.headers == ((b"www-authenticate", b"Bearer"),)


@pytest.mark.parametrize(
    "authorization", [b"", b"Bearer", b"Bearer ", b"Basic YTpi", b"Token a", b"eyJ.eyJ.sig"]
)
async def test_other_credentials_are_told_to_be_the_wrong_kind(
    callers: Callers, authorization: bytes
) -> None:
    problem = await problem_of(callers, request(authorization))
    assert problem.status == 401
    assert "no bearer token" in problem.detail


async def test_two_authorizations_are_none(callers: Callers) -> None:
    both = request(b"Bearer " + mint(claims()), b"Bearer " + mint(claims(sub="eve")))
    assert (await problem_of(callers, both)).status == 400


async def test_a_huge_token_is_not_even_parsed(callers: Callers) -> None:
    token = mint(claims(profile="x" * MAX_TOKEN_BYTES))
    problem = await problem_of(callers, bearing(token))
    assert problem.status == 401
    assert "longer than 8192 bytes" in problem.detail


async def test_a_large_token_is_good(callers: Callers) -> None:
    token = mint(claims(profile="x" * 5000))
    assert len(token) < MAX_TOKEN_BYTES
    assert await callers.customer(bearing(token)) == ADA
