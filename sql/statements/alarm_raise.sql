-- Raises an alarm; while one of the same kind and key is open, it is not raised again.
-- $1 sale id, $2 kind, $3 what, $4 key (null: it is raised in any case), $5 epochs
insert into alarm (sale_id, kind, what, key, epochs) values ($1, $2, $3, $4, $5)
on conflict (sale_id, kind, key) where acknowledged_at is null do nothing
