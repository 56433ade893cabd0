-- Which of these reservations were there before this transaction: id.
-- $1 ids
select id from reservation
where id = any($1) and xmin is distinct from pg_current_xact_id_if_assigned()::xid
order by id
