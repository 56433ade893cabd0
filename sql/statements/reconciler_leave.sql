-- Takes a reconciler off the list.
-- $1 reconciler
delete from reconciler where id = $1 or seen_at < clock_timestamp() - interval '1 hour'
