-- Who did what to products, sales, keys and alarms. Nobody takes anything back from here.

create table act (
    id      bigint generated always as identity primary key,
    at      timestamptz not null default now(),
    actor   text not null,
    what    text not null,
    subject text not null,
    detail  jsonb not null
);

comment on column act.actor is 'key:<name>, cli:<user>, or doorbuster where it acted by itself';
comment on column act.subject is 'the sale, product, key, alarm or parked record';

create index act_of_subject on act (subject, id);

create function refuse_to_rewrite_acts() returns trigger language plpgsql as $$
begin
    raise exception 'acts are added to, never changed';
end
$$;

create trigger act_only_grows before update or delete or truncate on act
    for each statement execute function refuse_to_rewrite_acts();
