-- Raises an alarm.
-- $1 sale id, $2 what
insert into alarm (sale_id, what) values ($1, $2)
