-- Acknowledges an alarm; who did so first, stays. Returns id, sale_id, kind, what, at,
-- acknowledged_at, acknowledged_by; no row: no such alarm.
-- $1 id, $2 who
update alarm set
    acknowledged_at = coalesce(acknowledged_at, now()),
    acknowledged_by = coalesce(acknowledged_by, $2)
where id = $1
returning id, sale_id, kind, what, at, acknowledged_at, acknowledged_by
