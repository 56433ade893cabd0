"""Examines both servers, the clocks and the sales, and says all that was found."""

from typing import Final

import asyncpg

from doorbuster.addresses import find_addresses
from doorbuster.doctor.clocks import clock_findings
from doorbuster.doctor.finding import Finding
from doorbuster.doctor.postgres_checks import Demand, postgres_away, postgres_findings
from doorbuster.doctor.postgres_facts import PostgresFacts, read_postgres
from doorbuster.doctor.redis_checks import info_forbidden, redis_away, redis_findings
from doorbuster.doctor.redis_facts import RedisFacts
from doorbuster.doctor.redis_reading import InfoForbidden, read_redis
from doorbuster.doctor.service_checks import service_findings
from doorbuster.doctor.service_facts import ServiceFacts, read_service
from doorbuster.doctor.token_checks import TokenSettings, token_findings
from doorbuster.settings import Settings
from gateway.app import DATABASE_CONNECTIONS as GATEWAY_CONNECTIONS
from lua.faults import RedisFault
from lua.server import Server
from reconciler.service import DATABASE_CONNECTIONS as RECONCILER_CONNECTIONS
from sql.database import Database
from sql.faults import LedgerFault

# A lease that ran out is taken over within three seconds and a quarter; all else is faster.
PATIENCE_SECONDS: Final = 4.0


async def examine(
    settings: Settings, *, patience_seconds: float = PATIENCE_SECONDS
) -> list[Finding]:
    """Examine everything. A server that is away is a finding. Raises NoServers."""
    addresses = find_addresses(settings)
    async with Server(addresses.redis_url) as server, Database(addresses.database_url) as database:
        redis = await _read_redis(server)
        postgres = await _read_postgres(database, addresses.database_url)
        service = None
        if isinstance(postgres, PostgresFacts):
            reachable = server if isinstance(redis, RedisFacts) else None
            service = await _read_service(database, reachable, patience_seconds)
    return judge(settings, redis, postgres, service)


def judge(
    settings: Settings,
    redis: RedisFacts | Finding,
    postgres: PostgresFacts | Finding,
    service: ServiceFacts | None,
) -> list[Finding]:
    """Return all findings in the order of the report; of a server that is away there is one."""
    findings: list[Finding] = []
    if isinstance(redis, Finding):
        findings.append(redis)
    else:
        findings += redis_findings(redis, settings.durability)
    if isinstance(postgres, Finding):
        findings.append(postgres)
    else:
        findings += postgres_findings(postgres, _demand(settings, service))
    findings += clock_findings(
        None if isinstance(redis, Finding) else redis.clock,
        None if isinstance(postgres, Finding) else postgres.clock,
    )
    if service:
        findings += service_findings(service, settings.durability)
    return [*findings, *token_findings(_token_settings(settings))]


async def _read_redis(server: Server) -> RedisFacts | Finding:
    try:
        return await read_redis(server)
    except InfoForbidden as error:
        return info_forbidden(str(error))
    except RedisFault as fault:
        return redis_away(str(fault))


async def _read_postgres(database: Database, url: str) -> PostgresFacts | Finding:
    try:
        return await read_postgres(database, url)
    except (LedgerFault, asyncpg.PostgresError) as error:
        return postgres_away(str(error))


async def _read_service(
    database: Database, server: Server | None, patience_seconds: float
) -> ServiceFacts | None:
    try:
        return await read_service(database, server, patience_seconds=patience_seconds)
    except (LedgerFault, RedisFault, asyncpg.PostgresError):
        # Tables that are missing, or that the role may not read: told by the checks of those.
        return None


def _demand(settings: Settings, service: ServiceFacts | None) -> Demand:
    return Demand(
        gateways=settings.workers,
        for_each_gateway=GATEWAY_CONNECTIONS,
        reconcilers=max(1, service.reconcilers if service else 0),
        for_each_reconciler=RECONCILER_CONNECTIONS,
    )


def _token_settings(settings: Settings) -> TokenSettings:
    return TokenSettings(
        algorithm=settings.token_algorithm,
        key=settings.token_key.get_secret_value() if settings.token_key else None,
        jwks_url=settings.token_jwks_url,
        demo=settings.demo,
    )
