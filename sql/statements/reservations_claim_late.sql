-- Gives expired reservations to the first payment that came too late for each, and to no other.
-- $1 ids, $2 payment references
update reservation set late_payment_reference = late.payment_reference
from unnest($1::uuid[], $2::text[]) as late (id, payment_reference)
where reservation.id = late.id and reservation.late_payment_reference is null
