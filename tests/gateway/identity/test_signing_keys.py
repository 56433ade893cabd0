"""Where the keys come from: a setting, or an issuer that rotates them and may be down."""

import asyncio
import logging
from collections.abc import Iterator

import pytest
from issuer import Issuer, new_key, public, running_issuer, signed
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from minting import AUDIENCE, ISSUER, NOW, SECRET, claims, mint
from waiting import until

from gateway.identity import PublishedKeys, StaticKey, Tokens, UnusableKey, signing_keys
from gateway.identity.signing_keys import COOL_DOWN_SECONDS, MAX_KEY_SET_BYTES
from gateway.problems import Refusal

OLD, NEW, UNKNOWN = new_key("2026-10"), new_key("2026-11"), new_key("nobody's")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        running.publish(public(OLD))
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(issuer: Issuer, clock: Clock) -> PublishedKeys:
    return PublishedKeys(issuer.url, "ES256", clock=clock)


@pytest.fixture
def tokens(keys: PublishedKeys) -> Tokens:
    return tokens_of(keys)


def tokens_of(keys: PublishedKeys, algorithm: str = "ES256") -> Tokens:
    return Tokens(keys, algorithm=algorithm, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)


async def outcome(tokens: Tokens, token: bytes) -> str | int:
    """Whom the token names, or the status of its refusal."""
    try:
        return (await tokens.verify(token)).subject
    except Refusal as refusal:
        return refusal.problem.status


# A key that was set


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        ("no pem at all", "RS256"),
        (ECKey.generate_key("P-256").as_pem().decode(), "RS256"),
        (RSAKey.generate_key(2048).as_pem().decode(), "ES256"),
        (ECKey.generate_key("P-384").as_pem().decode(), "ES256"),
        (OKPKey.generate_key("X25519").as_pem().decode(), "EdDSA"),
        (RSAKey.generate_key(2048).as_pem().decode(), "HS256"),
    ],
)
def test_a_key_that_does_not_fit_the_algorithm_stops_the_start(key: str, algorithm: str) -> None:
    with pytest.raises(UnusableKey, match=algorithm):
        StaticKey(key, algorithm)


# Keys that are published


async def test_a_published_key_is_fetched_when_it_is_first_needed(
    tokens: Tokens, issuer: Issuer
) -> None:
    assert issuer.asked == 0
    assert await outcome(tokens, signed(OLD)) == "ada"
    assert await outcome(tokens, signed(OLD, sub="bob")) == "bob"
    assert issuer.asked == 1


async def test_a_new_key_is_believed_at_once_after_a_rotation(
    tokens: Tokens, issuer: Issuer, clock: Clock
) -> None:
    await tokens.verify(signed(OLD))
    issuer.publish(public(OLD), public(NEW))
    clock.now += COOL_DOWN_SECONDS
    assert await outcome(tokens, signed(NEW)) == "ada"
    assert await outcome(tokens, signed(OLD)) == "ada"


async def test_a_key_that_was_taken_back_is_believed_no_more(
    keys: PublishedKeys, tokens: Tokens, issuer: Issuer, clock: Clock
) -> None:
    await tokens.verify(signed(OLD))
    issuer.publish(public(NEW))
    clock.now += COOL_DOWN_SECONDS
    await keys.refresh()
    assert await outcome(tokens, signed(OLD, sub="bob")) == 401


async def test_a_flood_of_made_up_key_ids_is_one_fetch_a_cool_down(
    tokens: Tokens, issuer: Issuer, clock: Clock
) -> None:
    flood = [outcome(tokens, signed(UNKNOWN, sub=f"eve-{number}")) for number in range(50)]
    assert set(await asyncio.gather(*flood)) == {401}
    assert issuer.asked == 1
    clock.now += COOL_DOWN_SECONDS
    assert await outcome(tokens, signed(UNKNOWN)) == 401
    assert issuer.asked == 2


async def test_the_cool_down_counts_from_the_end_of_a_fetch(
    tokens: Tokens, issuer: Issuer, clock: Clock
) -> None:
    issuer.answers.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(outcome(tokens, signed(UNKNOWN)))
        await until(lambda: issuer.asked == 1)
        clock.now += COOL_DOWN_SECONDS
        issuer.answers.set()
    assert await outcome(tokens, signed(UNKNOWN)) == 401
    assert issuer.asked == 1


async def test_those_who_come_while_keys_are_fetched_wait_for_them(
    tokens: Tokens, issuer: Issuer
) -> None:
    issuer.answers.clear()
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(outcome(tokens, signed(OLD))) for _ in range(5)]
        await until(lambda: issuer.asked == 1)
        issuer.answers.set()
    assert [each.result() for each in waiting] == ["ada"] * 5
    assert issuer.asked == 1


async def test_known_keys_cost_no_waiting_while_others_are_fetched(
    tokens: Tokens, issuer: Issuer, clock: Clock
) -> None:
    await tokens.verify(signed(OLD))
    clock.now += COOL_DOWN_SECONDS
    issuer.answers.clear()
    async with asyncio.TaskGroup() as tasks:
        stranger = tasks.create_task(outcome(tokens, signed(UNKNOWN)))
        await until(lambda: issuer.asked == 2)
        assert await outcome(tokens, signed(OLD, sub="bob")) == "bob"
        assert not stranger.done()
        issuer.answers.set()


async def test_old_keys_are_kept_while_the_issuer_is_down(
    keys: PublishedKeys, tokens: Tokens, issuer: Issuer, clock: Clock
) -> None:
    await keys.refresh()
    issuer.fail()
    clock.now += COOL_DOWN_SECONDS
    await keys.refresh()
    assert issuer.asked == 2
    assert await outcome(tokens, signed(OLD)) == "ada"


async def test_what_cannot_be_told_while_the_issuer_is_down_is_not_called_invalid(
    tokens: Tokens, issuer: Issuer, clock: Clock
) -> None:
    issuer.fail()
    assert await outcome(tokens, signed(OLD)) == 503
    issuer.publish(public(OLD))
    assert await outcome(tokens, signed(OLD)) == 503, "not asked again within the cool-down"
    clock.now += COOL_DOWN_SECONDS
    assert await outcome(tokens, signed(OLD)) == "ada"
    issuer.fail()
    clock.now += COOL_DOWN_SECONDS
    assert await outcome(tokens, signed(NEW)) == 503, "it may be a new key"


async def test_an_issuer_that_does_not_exist_is_an_issuer_that_is_down() -> None:
    keys = PublishedKeys("http://127.0.0.1:1/keys", "ES256")
    assert await outcome(tokens_of(keys), signed(OLD)) == 503


@pytest.mark.parametrize(
    "answer", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000]
)
async def test_an_issuer_that_speaks_something_else_is_an_issuer_that_is_down(
    answer: bytes,
) -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        keys = PublishedKeys(f"http://127.0.0.1:{port}/keys", "ES256")
        assert await outcome(tokens_of(keys), signed(OLD)) == 503


async def test_an_issuer_that_never_answers_is_given_up(
    tokens: Tokens, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_keys, "SILENCE_SECONDS", 0.05)
    issuer.answers.clear()
    async with asyncio.timeout(5):
        assert await outcome(tokens, signed(OLD)) == 503


async def test_an_issuer_that_dribbles_is_given_up(
    tokens: Tokens, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_keys, "FETCH_SECONDS", 0.1)
    issuer.pause_seconds = 0.002
    assert await outcome(tokens, signed(OLD)) == 503


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"keys":[]}', b'{"keys":{}}', b'{"keys":[1,null,{"kty":7}]}'],
)
async def test_a_set_without_a_usable_key_replaces_nothing(
    keys: PublishedKeys, tokens: Tokens, issuer: Issuer, clock: Clock, body: bytes
) -> None:
    await keys.refresh()
    issuer.body = body
    clock.now += COOL_DOWN_SECONDS
    await keys.refresh()
    assert issuer.asked == 2
    assert await outcome(tokens, signed(OLD)) == "ada"


async def test_an_endless_key_set_is_not_read_to_its_end(tokens: Tokens, issuer: Issuer) -> None:
    issuer.publish(public(OLD), {"kty": "oct", "k": "A" * MAX_KEY_SET_BYTES})
    assert await outcome(tokens, signed(OLD)) == 503


async def test_keys_that_nobody_understands_are_ignored(tokens: Tokens, issuer: Issuer) -> None:
    strange = {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}
    broken = {"kty": "EC", "crv": "P-256", "x": "AA"}
    issuer.publish(strange, broken, {"kty": ["EC"]}, public(OLD, ext=True))
    assert await outcome(tokens, signed(OLD)) == "ada"


async def test_a_key_for_encryption_signs_nothing(tokens: Tokens, issuer: Issuer) -> None:
    issuer.publish(public(OLD, use="enc"), public(NEW))
    assert await outcome(tokens, signed(OLD)) == 401


async def test_a_key_for_encryption_hides_none_for_signing(tokens: Tokens, issuer: Issuer) -> None:
    issuer.publish(public(NEW, use="enc", kid=OLD.kid), public(OLD, use="sig"))
    assert await outcome(tokens, signed(OLD)) == "ada"


async def test_a_published_secret_signs_nothing(issuer: Issuer) -> None:
    issuer.publish({**OctKey.import_key(SECRET).as_dict(), "kid": "secret"})
    tokens = tokens_of(PublishedKeys(issuer.url, "ES256"))
    for algorithm in ("HS256", "ES256"):
        token = mint(claims(), {"alg": algorithm, "kid": "secret"})
        assert await outcome(tokens, token) == 401


async def test_the_keys_come_from_nowhere_else(tokens: Tokens, issuer: Issuer) -> None:
    with running_issuer() as other:
        other.publish(public(OLD))
        issuer.status, issuer.headers = 302, {"location": other.url}
        assert await outcome(tokens, signed(OLD)) == 503
        assert other.asked == 0


@pytest.mark.parametrize("url", ["file:///etc/keys.json", "ftp://shop.example/keys", "keys", ""])
def test_only_http_is_asked(url: str) -> None:
    with pytest.raises(UnusableKey):
        PublishedKeys(url, "ES256")


async def test_the_keys_are_kept_fresh_without_being_asked_for(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_keys, "REFRESH_SECONDS", 0.01)
    monkeypatch.setattr(signing_keys, "COOL_DOWN_SECONDS", 0.0)
    keys = PublishedKeys(issuer.url, "ES256")
    async with asyncio.TaskGroup() as tasks:
        fresh = tasks.create_task(keys.keep_fresh())
        await until(lambda: issuer.asked >= 1)
        issuer.fail()
        await until(lambda: issuer.asked >= 3)
        issuer.publish(public(NEW))
        await until(lambda: issuer.asked >= 5)
        fresh.cancel()
    assert await outcome(tokens_of(keys), signed(NEW)) == "ada"


async def test_an_issuer_that_is_down_is_told_in_the_log(
    keys: PublishedKeys, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.fail(500)
    with caplog.at_level(logging.WARNING):
        await keys.refresh()
    assert "cannot fetch the token keys" in caplog.text
