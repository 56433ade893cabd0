-- Alarms that nobody has acknowledged: sale_id, what, at.
-- $1 sale id
select sale_id, what, at from alarm where sale_id = $1 and acknowledged_at is null order by id
