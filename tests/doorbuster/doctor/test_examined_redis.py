"""Real servers, each with one thing wrong, and what is said of them."""

import asyncio
import shutil
import socket
from pathlib import Path

import pytest
from examined import StartValkey, faulty, severities, told, worse_than_ok

from doorbuster.doctor.clocks import Reading
from doorbuster.doctor.finding import Check, Finding, Severity
from doorbuster.doctor.redis_checks import redis_findings
from doorbuster.doctor.redis_commands import KEY
from doorbuster.doctor.redis_facts import RedisFacts
from doorbuster.doctor.redis_reading import InfoForbidden, read_redis
from doorbuster.embedded.valkey import EmbeddedValkey
from lua.faults import NothingHappened
from lua.replies import text
from lua.server import Server

# What this program may call, as a careful operator would write it, and no more.
ALLOWED = (
    "+ping +info +time +evalsha +eval +get +set +pexpiretime +hexists +hget +hmget +hgetall +hlen "
    "+hscan +hset +exists +del +unlink +rename +xadd +xrange +xrevrange +xtrim +publish +subscribe "
    "+unsubscribe"
)


async def facts_of(url: str) -> RedisFacts:
    async with Server(url) as server:
        return await read_redis(server)


async def findings_of(url: str, wanted: str = "fsync") -> list[Finding]:
    return list(redis_findings(await facts_of(url), wanted))


async def tell(server: EmbeddedValkey, *words: str | int) -> None:
    async with Server(server.url) as door:
        await door.command(*words)


def as_user(server: EmbeddedValkey, name: str) -> str:
    return server.url.replace("unix://", f"unix://{name}:secret@")


async def test_a_valkey_with_our_defaults_has_nothing_wrong(valkey: StartValkey) -> None:
    async with valkey() as server:
        findings = await findings_of(server.url)
    assert worse_than_ok(findings) == set()
    assert "proves fsync" in told(findings, Check.REDIS_DURABILITY)


async def test_nothing_is_left_of_the_examination(valkey: StartValkey) -> None:
    async with valkey() as server:
        await findings_of(server.url)
        async with Server(server.url) as door:
            assert await door.command("DBSIZE") == 0
            log = text(await door.command("INFO", "persistence"))
    assert "aof_rewrites:0" in log


async def test_what_was_measured_is_plausible(valkey: StartValkey) -> None:
    async with valkey() as server:
        facts = await facts_of(server.url)
    assert 0 < facts.ping_ms < 1_000
    assert 0 < facts.writes.milliseconds < 5_000
    assert isinstance(facts.clock, Reading)
    assert abs(facts.clock.ahead_ms) <= facts.clock.error_ms + 50
    assert facts.user == "default"
    assert facts.forbidden == ()


async def test_everysec_does_not_prove_fsync(valkey: StartValkey) -> None:
    async with valkey(appendfsync="everysec") as server:
        findings = await findings_of(server.url)
        assert faulty(findings) == {Check.REDIS_DURABILITY}
        assert "WAITAOF" in told(findings, Check.REDIS_KNOWN_FAULTS)
        assert faulty(await findings_of(server.url, "memory")) == set()


async def test_an_fsync_that_pauses_in_rewrites_does_not_prove_fsync(valkey: StartValkey) -> None:
    async with valkey(no_appendfsync_on_rewrite="yes") as server:
        findings = await findings_of(server.url)
    assert faulty(findings) == {Check.REDIS_DURABILITY}
    assert "CONFIG SET no-appendfsync-on-rewrite no" in told(findings, Check.REDIS_DURABILITY)


async def test_without_a_log_nothing_is_proven(valkey: StartValkey) -> None:
    async with valkey(appendonly="no") as server:
        findings = await findings_of(server.url, "memory")
        assert faulty(findings) == {Check.REDIS_DURABILITY}
        assert faulty(await findings_of(server.url, "ledger")) == set()


async def test_what_is_advised_mends_what_was_found(valkey: StartValkey) -> None:
    async with valkey(
        appendonly="no", appendfsync="everysec", maxmemory_policy="allkeys-lru"
    ) as it:
        before = await findings_of(it.url)
        assert faulty(before) == {Check.REDIS_DURABILITY, Check.REDIS_EVICTION}
        for check in faulty(before):
            for step in told(before, check).partition("→ ")[2].replace(",", ";").split(";"):
                if step.strip().startswith("CONFIG SET"):
                    await tell(it, *step.split())
        assert faulty(await findings_of(it.url)) == set()


async def test_a_server_that_evicts_is_a_fault(valkey: StartValkey) -> None:
    async with valkey(maxmemory="40mb", maxmemory_policy="allkeys-lru") as server:
        findings = await findings_of(server.url)
    assert faulty(findings) == {Check.REDIS_EVICTION}
    assert severities(findings)[Check.REDIS_MEMORY] == Severity.WARNING


async def test_a_full_server_says_so(valkey: StartValkey) -> None:
    async with valkey() as server:
        await tell(server, "CONFIG", "SET", "maxmemory", "1kb")
        findings = await findings_of(server.url)
    assert faulty(findings) == {Check.REDIS_WRITES}
    assert "OOM" in told(findings, Check.REDIS_WRITES)
    assert "room for about 0 more" in told(findings, Check.REDIS_MEMORY)


async def test_a_failed_snapshot_that_stops_writes_is_told(valkey: StartValkey) -> None:
    async with valkey(save="3600 1") as server:
        (server.directory / "dump.rdb").mkdir()  # a snapshot cannot take its place
        async with Server(server.url) as door, asyncio.timeout(10):
            await door.command("BGSAVE")
            while "rdb_last_bgsave_status:err" not in text(await door.command("INFO")):
                await asyncio.sleep(0.01)
        findings = await findings_of(server.url)
        assert faulty(findings) == {Check.REDIS_LOG_HEALTH, Check.REDIS_WRITES}
        assert "MISCONF" in told(findings, Check.REDIS_WRITES)
        advised = 'CONFIG SET save ""'
        assert advised in told(findings, Check.REDIS_LOG_HEALTH)
        await tell(server, "CONFIG", "SET", "save", "")
        assert faulty(await findings_of(server.url)) == set()


async def test_a_user_that_may_not_see_the_configuration_proves_little(valkey: StartValkey) -> None:
    async with valkey() as server:
        await tell(
            server, "ACL", "SETUSER", "clerk", "on", ">secret", "~*", "&*", "+@all", "-config"
        )
        url = as_user(server, "clerk")
        findings = await findings_of(url)
        assert faulty(findings) == {Check.REDIS_DURABILITY}
        assert "ACL SETUSER clerk +config|get" in told(findings, Check.REDIS_DURABILITY)
        assert faulty(await findings_of(url, "memory")) == set()
        await tell(server, "ACL", "SETUSER", "clerk", "+config|get")
        assert faulty(await findings_of(url)) == set()


async def test_a_user_with_no_more_than_the_protocol_needs_is_enough(valkey: StartValkey) -> None:
    rights = [*ALLOWED.split(), "+config|get", "+bgrewriteaof", "+multi", "+discard"]
    async with valkey() as server:
        keys = ["~doorbuster:*", "&doorbuster:*"]
        await tell(server, "ACL", "SETUSER", "shop", "on", ">secret", *keys, *rights)
        facts = await facts_of(as_user(server, "shop"))
    assert facts.forbidden == ("wait",)
    assert facts.writes.refusal == ""
    assert faulty(list(redis_findings(facts, "fsync"))) == set()
    assert faulty(list(redis_findings(facts, "replicated"))) >= {Check.REDIS_PERMISSIONS}


async def test_a_user_without_a_right_of_the_protocol_is_told_which(valkey: StartValkey) -> None:
    async with valkey() as server:
        rights = ["+@all", "-xadd", "-publish", "-bgrewriteaof"]
        await tell(server, "ACL", "SETUSER", "clerk", "on", ">secret", "~*", "&*", *rights)
        findings = await findings_of(as_user(server, "clerk"))
    assert faulty(findings) == {Check.REDIS_PERMISSIONS}
    assert "may not call xadd, publish →" in told(findings, Check.REDIS_PERMISSIONS)
    assert severities(findings)[Check.REDIS_LOG_REWRITE] == Severity.WARNING


async def test_a_command_that_a_service_has_taken_away_is_told(
    valkey: StartValkey, tmp_path: Path
) -> None:
    (tmp_path / "service.conf").write_text('rename-command BGREWRITEAOF ""\n')
    async with valkey(include=str(tmp_path / "service.conf")) as server:
        facts = await facts_of(server.url)
    assert facts.forbidden == ("bgrewriteaof",)


async def test_a_user_without_our_keys_is_told(valkey: StartValkey) -> None:
    async with valkey() as server:
        await tell(server, "ACL", "SETUSER", "clerk", "on", ">secret", "~other:*", "&*", "+@all")
        findings = await findings_of(as_user(server, "clerk"))
    assert faulty(findings) == {Check.REDIS_PERMISSIONS, Check.REDIS_WRITES}
    assert "~doorbuster:* &doorbuster:*" in told(findings, Check.REDIS_PERMISSIONS)


async def test_a_user_without_transactions_cannot_be_examined_for_rights(
    valkey: StartValkey,
) -> None:
    async with valkey() as server:
        rights = ["+@all", "-multi", "-acl"]
        await tell(server, "ACL", "SETUSER", "clerk", "on", ">secret", "~*", "&*", *rights)
        facts = await facts_of(as_user(server, "clerk"))
    assert (facts.forbidden, facts.user) == (None, "<user>")


async def test_a_user_without_info_is_a_fault(valkey: StartValkey) -> None:
    async with valkey() as server:
        await tell(server, "ACL", "SETUSER", "clerk", "on", ">secret", "~*", "&*", "+@all", "-info")
        with pytest.raises(InfoForbidden):
            await facts_of(as_user(server, "clerk"))


async def test_replicas_are_seen_from_both_sides(valkey: StartValkey) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with (
        valkey(port=str(port), min_replicas_to_write="1", repl_diskless_sync_delay="0") as primary,
        valkey(replicaof=f"127.0.0.1 {port}") as replica,
    ):
        findings = await until_followed(primary)
        assert faulty(findings) == set()
        assert "proves replicated" in told(findings, Check.REDIS_DURABILITY)
        behind = await findings_of(replica.url, "memory")
        assert faulty(behind) == {Check.REDIS_ROLE, Check.REDIS_WRITES}
        assert "READONLY" in told(behind, Check.REDIS_WRITES)


async def until_followed(primary: EmbeddedValkey) -> list[Finding]:
    async with asyncio.timeout(10):
        while True:
            facts = await facts_of(primary.url)
            if [each.state for each in facts.info.replicas] == ["online"]:
                return list(redis_findings(facts, "replicated"))
            await asyncio.sleep(0.02)


async def test_a_primary_that_misses_its_replica_is_a_fault(valkey: StartValkey) -> None:
    async with valkey(min_replicas_to_write="1") as server:
        findings = await findings_of(server.url, "replicated")
    assert faulty(findings) == {Check.REDIS_REPLICAS, Check.REDIS_WRITES}
    assert "NOREPLICAS" in told(findings, Check.REDIS_WRITES)


async def test_a_node_of_a_cluster_is_told(valkey: StartValkey) -> None:
    async with valkey(cluster_enabled="yes", port="0", cluster_port="0") as server:
        without_slots = await findings_of(server.url)
        async with Server(server.url) as door, asyncio.timeout(10):
            await door.command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            while "cluster_state:ok" not in text(await door.command("CLUSTER", "INFO")):
                await asyncio.sleep(0.01)
        with_all = await findings_of(server.url)
    assert severities(without_slots)[Check.REDIS_CLUSTER] == Severity.WARNING
    # It refuses for want of slots, which is no question of rights.
    assert severities(without_slots)[Check.REDIS_PERMISSIONS] == Severity.OK
    assert "CLUSTERDOWN" in told(without_slots, Check.REDIS_WRITES)
    assert "a cluster of one node" in told(with_all, Check.REDIS_CLUSTER)
    assert "GHSA-f4q9" in told(with_all, Check.REDIS_KNOWN_FAULTS)


async def test_a_redis_of_debian_has_warnings_and_no_fault(valkey: StartValkey) -> None:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not on PATH")
    async with valkey(Path(binary)) as server:
        facts = await facts_of(server.url)
    findings = list(redis_findings(facts, "fsync"))
    assert faulty(findings) == set()
    if facts.info.version[:2] == (7, 0):
        assert "CVE-2025-49844" in told(findings, Check.REDIS_KNOWN_FAULTS)
        assert "distribution" in told(findings, Check.REDIS_KNOWN_FAULTS)


async def test_a_redis_of_debian_that_may_not_rewrite_its_log_is_a_fault(
    valkey: StartValkey,
) -> None:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not on PATH")
    async with valkey(Path(binary)) as server:
        rights = ["+@all", "-bgrewriteaof"]
        await tell(server, "ACL", "SETUSER", "clerk", "on", ">secret", "~*", "&*", *rights)
        findings = await findings_of(as_user(server, "clerk"))
    assert faulty(findings) == {Check.REDIS_LOG_REWRITE}


async def test_a_server_that_is_away_is_no_riddle(short_folder: Path) -> None:
    with pytest.raises(NothingHappened, match="not connected"):
        await facts_of(f"unix://{short_folder}/nobody.sock")


async def test_a_wrong_password_is_told(valkey: StartValkey) -> None:
    async with valkey() as server:
        await tell(server, "CONFIG", "SET", "requirepass", "something")
        with pytest.raises(NothingHappened, match=r"NOAUTH|Authentication"):
            await facts_of(server.url)


def test_no_sale_can_have_the_key_of_the_examination() -> None:
    assert "{" not in KEY
