-- A drift is mended by a correction that stays on record, and never by writing over what was.

create table correction (
    id           bigint generated always as identity primary key,
    sale_id      text not null references sale,
    kind         text not null constraint correction_kind_known
        check (kind in ('taken', 'lowered', 'act', 'stock', 'return')),
    subject      text not null,
    number       integer not null,
    units        bigint not null,
    mirrored     bigint not null default 0,
    units_before bigint not null,
    units_after  bigint not null,
    found        text not null,
    actor        text not null,
    reason       text not null,
    created_at   timestamptz not null default now(),
    version      bigint,
    constraint correction_once unique (sale_id, kind, subject, number)
);

comment on column correction.subject is 'the item, or the reservation of a return';
comment on column correction.number is 'counts the corrections of this kind of the subject';
comment on column correction.units is 'by how many units the counter, or the stock in Redis, moves';
comment on column correction.mirrored is 'by how many units the mirror moves with it';
comment on column correction.found is 'what the audit said';
comment on column correction.version is 'the entry that made it; none where Redis has no part in it';

alter table outbox drop constraint outbox_kind_known;
alter table outbox add constraint outbox_kind_known
    check (kind in ('return', 'grant', 'state', 'correction'));
