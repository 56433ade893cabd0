"""Keys of machines: found by digest, remembered for seconds, bound to a scope."""

import pytest
from key_ledger import Ledger, Row

from gateway.identity import ApiKeys, KeyScope
from gateway.identity.api_keys import PREFIX, REMEMBERED_SECONDS, digest_of, new_key
from gateway.problems import Refusal


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def keys(ledger: Ledger) -> ApiKeys:
    return ApiKeys(ledger.find, clock=lambda: ledger.now)


async def status_of(keys: ApiKeys, text: bytes, scope: KeyScope) -> int:
    with pytest.raises(Refusal) as caught:
        await keys.verify(text, scope)
    assert text.decode() not in caught.value.problem.detail
    return caught.value.problem.status


@pytest.mark.parametrize(("has", "wanted"), [("settle", "settle"), ("admin", "admin")])
async def test_a_key_may_do_what_its_scope_says(
    ledger: Ledger, keys: ApiKeys, has: str, wanted: KeyScope
) -> None:
    assert (await keys.verify(ledger.add(has), wanted)).name == "payments"


async def test_an_admin_may_settle(ledger: Ledger, keys: ApiKeys) -> None:
    assert (await keys.verify(ledger.add("admin"), "settle")).scope == "admin"


async def test_whoever_settles_is_no_admin(ledger: Ledger, keys: ApiKeys) -> None:
    assert await status_of(keys, ledger.add("settle"), "admin") == 403


async def test_a_key_that_nobody_made_is_refused(ledger: Ledger, keys: ApiKeys) -> None:
    ledger.add("admin")
    assert await status_of(keys, new_key().encode(), "settle") == 401


async def test_a_key_is_looked_up_once_for_a_while(ledger: Ledger, keys: ApiKeys) -> None:
    text = ledger.add("settle")
    for _ in range(3):
        await keys.verify(text, "settle")
    assert ledger.asked == 1


async def test_a_revoked_key_is_good_for_seconds_only(ledger: Ledger, keys: ApiKeys) -> None:
    text = ledger.add("settle")
    await keys.verify(text, "settle")
    ledger.rows.clear()
    ledger.now += REMEMBERED_SECONDS
    assert await status_of(keys, text, "settle") == 401


async def test_made_up_keys_push_no_good_one_out(ledger: Ledger, keys: ApiKeys) -> None:
    text = ledger.add("settle")
    await keys.verify(text, "settle")
    for _ in range(1000):
        await status_of(keys, new_key().encode(), "settle")
    ledger.asked = 0
    await keys.verify(text, "settle")
    assert ledger.asked == 0


async def test_a_key_made_after_it_was_first_tried_is_good_at_once(
    ledger: Ledger, keys: ApiKeys
) -> None:
    text = new_key().encode()
    await status_of(keys, text, "settle")
    ledger.rows[digest_of(text)] = Row("payments", "settle")
    assert (await keys.verify(text, "settle")).name == "payments"


def test_no_key_is_made_twice_and_none_is_guessed() -> None:
    made = {new_key() for _ in range(1000)}
    assert len(made) == 1000
    assert all(key.startswith(PREFIX.decode()) and len(key) == 4 + 43 for key in made)
