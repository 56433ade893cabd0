"""INFO and CONFIG GET are understood, of Redis and of Valkey."""

from doorbuster.doctor.redis_facts import Flavour, Replica, parse_configuration, parse_info

REDIS_INFO = """\
# Server
redis_version:7.0.15
# Memory
used_memory:942088
total_system_memory:25276510208
maxmemory:0
maxmemory_policy:allkeys-lru
# Persistence
aof_enabled:1
aof_last_write_status:err
aof_last_bgrewrite_status:err
rdb_last_bgsave_status:err
# Stats
evicted_keys:3
# Replication
role:master
connected_slaves:2
slave0:ip=10.0.0.7,port=6379,state=online,offset=14,lag=1
slave1:ip=10.0.0.8,port=6379,state=wait_bgsave,offset=0,lag=9
slave_read_only:1
# Cluster
cluster_enabled:1

""".replace("\n", "\r\n")
VALKEY_INFO = """\
redis_version:7.2.4
server_name:valkey
valkey_version:9.1.2
used_memory:1
role:slave
""".replace("\n", "\r\n")


def test_redis_is_redis() -> None:
    info = parse_info(REDIS_INFO)
    assert (info.flavour, info.version, info.name) == (Flavour.REDIS, (7, 0, 15), "Redis 7.0.15")
    assert (info.used_bytes, info.machine_bytes, info.limit_bytes) == (942088, 25276510208, 0)
    assert (info.role, info.cluster, info.log_is_on) == ("master", True, True)
    assert not any([info.last_append_ok, info.last_rewrite_ok, info.last_snapshot_ok])
    assert (info.eviction_policy, info.evicted_keys) == ("allkeys-lru", 3)


def test_replicas_are_read_one_by_one() -> None:
    assert parse_info(REDIS_INFO).replicas == (
        Replica(address="10.0.0.7:6379", state="online", lag_seconds=1),
        Replica(address="10.0.0.8:6379", state="wait_bgsave", lag_seconds=9),
    )


def test_valkey_is_not_taken_for_the_redis_that_it_says_it_is() -> None:
    info = parse_info(VALKEY_INFO)
    assert (info.flavour, info.version, info.name) == (Flavour.VALKEY, (9, 1, 2), "Valkey 9.1.2")


def test_what_a_service_leaves_out_is_taken_as_harmless() -> None:
    info = parse_info(VALKEY_INFO)
    assert info.last_append_ok
    assert info.last_rewrite_ok
    assert info.last_snapshot_ok
    assert info.replicas == ()


def test_a_release_candidate_has_a_version() -> None:
    info = parse_info("redis_version:8.10-rc1\r\nused_memory:1\r\nrole:master")
    assert info.version == (8, 10, 0)


def test_the_configuration_is_read() -> None:
    found = parse_configuration(
        {
            "appendfsync": "everysec",
            "no-appendfsync-on-rewrite": "yes",
            "aof-load-truncated": "no",
            "save": "3600 1",
            "stop-writes-on-bgsave-error": "yes",
            "min-replicas-to-write": "2",
            "min-replicas-max-lag": "7",
            "busy-reply-threshold": "250",
            "lua-time-limit": "1",
            "tls-port": "6380",
        }
    )
    assert found.fsync_policy == "everysec"
    assert found.fsync_pauses_in_rewrites
    assert not found.loads_torn_log
    assert found.takes_snapshots
    assert found.failed_snapshot_stops_writes
    assert (found.min_replicas, found.min_replicas_max_lag_seconds) == (2, 7)
    assert found.busy_reply_ms == 250
    assert found.tls
