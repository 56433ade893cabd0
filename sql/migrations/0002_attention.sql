-- What needs an operator's attention: alarms and parked records have a kind, and keep who dealt
-- with them, when, and how.

alter table alarm add column kind text not null default 'earlier';
alter table alarm alter column kind drop default;
alter table alarm add column key text;
alter table alarm add column epochs bigint[] not null default '{}';
alter table alarm add column acknowledged_by text;
alter table alarm add column keys_removed_at timestamptz;
update alarm set acknowledged_by = 'by hand' where acknowledged_at is not null;
alter table alarm add constraint alarm_acknowledged_by_somebody
    check ((acknowledged_at is null) = (acknowledged_by is null));

comment on column alarm.key is 'what it is about, where that is to be told once while it is open';
comment on column alarm.epochs is 'whose keys stay in Redis until somebody has acknowledged it';

create unique index alarm_open_once on alarm (sale_id, kind, key) where acknowledged_at is null;
create index alarm_keys_left on alarm (sale_id)
    where keys_removed_at is null and epochs <> '{}';

alter table parked drop constraint parked_pkey;
alter table parked add column id bigint generated always as identity primary key;
alter table parked add column kind text not null default 'context';
alter table parked alter column kind drop default;
alter table parked add constraint parked_kind_known
    check (kind in ('context', 'admission', 'lowering'));
alter table parked alter column reservation type text using reservation::text;
alter table parked rename column reservation to subject;
alter table parked rename column context to record;
alter table parked add column resolved_by text;
alter table parked add column resolution text constraint parked_resolution_known
    check (resolution in ('retried', 'discarded'));
alter table parked add column note text;
update parked set resolved_by = 'by hand', resolution = 'discarded' where resolved_at is not null;
alter table parked add constraint parked_resolved_by_somebody check (
    (resolved_at is null) = (resolved_by is null)
    and (resolved_at is null) = (resolution is null)
);

comment on table parked is 'what the ledger refused of a history that was committed without it';
comment on column parked.subject is 'the reservation, or the request of a lowering';
comment on column parked.note is 'why it was discarded';
