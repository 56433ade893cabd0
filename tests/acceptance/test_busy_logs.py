"""What a busy shop logs at its most talkative: each line can be parsed, and none has a secret."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import quote, urlsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from kept_shop import KeptShop, keeping_shop
from running_up import start
from shop import TOKEN_KEY, settings_for

from lua.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "a/pass word@" + uuid4().hex
USER = f"shop_{uuid4().hex[:8]}"
TICKET = uuid4().hex


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talkative(
    valkey_url: str, shop_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[KeptShop]:
    """A shop that logs everything as JSON, and logs in to both stores with a password."""
    async with Server(valkey_url) as server:
        await server.command("ACL", "SETUSER", USER, "on", f">{PASSWORD}", "~*", "&*", "+@all")
        folder = tmp_path_factory.mktemp("talkative")
        redis_url = f"{valkey_url}?username={USER}&password={quote(PASSWORD, safe='')}"
        settings = settings_for(redis_url, await _with_password(shop_database_url), folder)
        settings |= {"DOORBUSTER_LOG_LEVEL": "debug", "DOORBUSTER_LOG_FORMAT": "json"}
        async with keeping_shop(settings, folder) as shop:
            yield shop
        await server.command("ACL", "DELUSER", USER)


async def _with_password(url: str) -> str:
    connection = await asyncpg.connect(url)
    await connection.execute(f"create role {USER} superuser login password '{PASSWORD}'")
    await connection.close()
    return urlsplit(url)._replace(netloc=f"{USER}:{quote(PASSWORD, safe='')}@").geturl()


async def test_no_secret_is_logged_and_ids_are(talkative: KeptShop) -> None:
    sale, key = await talkative.sell(9, hold_seconds=1), await talkative.key()
    token = talkative.token("ada")
    bought = await talkative.buy(sale, "ada")
    assert bought.status == 201, bought
    path = f"/v1/reservations/{bought.body['id']}"
    await talkative.send("GET", f"{path}/events?ticket={TICKET}")
    await talkative.send("GET", f"{path}?access_token={token}", token=token + "x")
    await talkative.send("POST", f"{path}/confirm", token=key, body={"wrong": token})
    await talkative.send("POST", f"{path}/release", token=token)
    refused = await talkative.send(
        "POST",
        f"{path}/confirm",
        token=key,
        body={"payment_reference": "pay-1"},
        headers={"x-request-id": "edge-17"},
    )
    assert (refused.status, refused.headers["x-request-id"]) == (409, "edge-17")
    assert refused.body["refund_required"]
    await talkative.stop("gateway-1")
    said = [*talkative.said(), *await _complaints_of_a_stranger(talkative.settings)]

    lines = [json.loads(line) for line in said]
    assert {"debug", "info"} <= {line["level"] for line in lines}
    (refund,) = [line for line in lines if line.get("request") == "edge-17"]
    assert refund["reservation"] == bought.body["id"]
    for secret in (token, key, TICKET, TOKEN_KEY, PASSWORD, quote(PASSWORD, safe="")):
        assert secret not in "\n".join(said)


async def _complaints_of_a_stranger(settings: dict[str, str]) -> list[str]:
    """What a reconciler says whom neither store lets in, until it has complained at both levels."""
    wrong = {
        name: text.replace(USER, "stranger") if name.endswith("_URL") else text
        for name, text in settings.items()
    }
    process = await start("reconciler", environment=wrong)
    said: list[str] = []
    async with asyncio.timeout(20):
        while not all(any(level in line for line in said) for level in ('"warning"', '"debug"')):
            said.append((await process.stdout.readline()).decode())
    process.terminate()
    await process.communicate()
    return said
