"""Which faults a durability level is to survive."""

from collections.abc import Mapping, Sequence

from chaos import faults_of_ours, faults_of_postgres, faults_of_valkey
from chaos.world import Fault

HARMLESS = (*faults_of_ours.FAULTS, *faults_of_valkey.HARMLESS, *faults_of_postgres.FAULTS)

MENUS: Mapping[str, Sequence[Fault]] = {
    "memory": (*HARMLESS, *faults_of_valkey.LOSING, faults_of_postgres.ROLLBACK),
    "fsync": (*HARMLESS, *faults_of_valkey.LOSING, faults_of_postgres.ROLLBACK),
    "replicated": (*HARMLESS, *faults_of_valkey.FAILOVERS),
    "ledger": (*HARMLESS, *faults_of_valkey.LOSING),
}
