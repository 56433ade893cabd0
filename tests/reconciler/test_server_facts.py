"""What the reconciler takes for proven of a server, by its configuration."""

from pathlib import Path

import pytest

from doorbuster.child import running
from doorbuster.embedded.valkey import EmbeddedValkey
from lua.server import Server
from reconciler.server_facts import MAX_BACKLOG, prove


@pytest.mark.parametrize(
    ("options", "durability"),
    [
        ({}, "fsync"),
        ({"appendfsync": "everysec"}, "memory"),
        ({"appendonly": "no"}, "memory"),
        # While the log is rewritten it would not be synced, whatever appendfsync says.
        ({"no-appendfsync-on-rewrite": "yes"}, "memory"),
        ({"min-replicas-to-write": "2"}, "replicated"),
    ],
)
async def test_a_level_is_proven_by_the_configuration(
    short_folder: Path, options: dict[str, str], durability: str
) -> None:
    valkey = EmbeddedValkey(directory=short_folder / "valkey", options=options)
    async with running(valkey), Server(valkey.url) as server:
        proof = await prove(server)
    assert proof.durability == durability
    assert proof.replicas == int(options.get("min-replicas-to-write", 0))
    assert proof.backlog_limit == MAX_BACKLOG
