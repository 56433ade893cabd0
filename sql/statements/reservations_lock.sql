-- Locks reservations in the order of their ids; returns id, state, payment_reference, lines.
-- $1 ids
select id, sale_id, state, payment_reference, lines from reservation
where id = any($1) order by id for update
