-- Acknowledges an alarm. Returns id, sale_id, kind, what, at, acknowledged_at, acknowledged_by;
-- no row: no such alarm, or somebody did so before.
-- $1 id, $2 who
update alarm set acknowledged_at = now(), acknowledged_by = $2
where id = $1 and acknowledged_at is null
returning id, sale_id, kind, what, at, acknowledged_at, acknowledged_by
