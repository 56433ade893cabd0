-- Alarms that nobody has acknowledged, oldest first: id, sale_id, what, at.
-- $1 how many
select id, sale_id, what, at from alarm where acknowledged_at is null order by id limit $1
