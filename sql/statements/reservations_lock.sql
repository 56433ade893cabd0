-- Locks reservations in the order of their ids; returns how each stands.
-- $1 ids
select
    id, sale_id, state, payment_reference, late_payment_reference, refused_payment_reference,
    replaced_by
from reservation where id = any($1) order by id for update
