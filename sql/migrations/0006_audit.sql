-- What the reconcilers' own audits found.

create table audit (
    id             bigint generated always as identity primary key,
    sale_id        text not null references sale,
    at             timestamptz not null default now(),
    milliseconds   double precision not null,
    outcome        text not null constraint audit_outcome_known
        check (outcome in ('clean', 'drift', 'impossible')),
    why            text,
    epoch          bigint,
    version        bigint,
    ledger_version bigint,
    reservations   bigint,
    sums           jsonb,
    findings       jsonb,
    drifts         jsonb,
    keys           text[] not null default '{}',
    constraint audit_impossible_says_why check ((outcome = 'impossible') = (why is not null))
);

create index audit_of_sale on audit (sale_id, id desc);

comment on column audit.why is 'what kept it from being done';
comment on column audit.sums is 'units over all items, as they were held against each other';
comment on column audit.findings is 'each invariant: how many things were compared, how many differ';
comment on column audit.drifts is 'what disagrees, some of it where there is much';
comment on column audit.keys is 'all that disagrees, by kind and item: news raises an alarm';
