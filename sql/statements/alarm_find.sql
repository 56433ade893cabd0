-- An alarm: id, sale_id, kind, what, at, acknowledged_at, acknowledged_by.
-- $1 id
select id, sale_id, kind, what, at, acknowledged_at, acknowledged_by from alarm where id = $1
