-- Notes that a reconciler lives.
-- $1 reconciler
insert into reconciler (id, seen_at) values ($1, clock_timestamp())
on conflict (id) do update set seen_at = excluded.seen_at
