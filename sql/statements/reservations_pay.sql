-- Settles locked, held reservations as paid.
-- $1 ids, $2 payment references
update reservation set
    state = 'paid', settled_at = now(), payment_reference = paid.payment_reference
from unnest($1::uuid[], $2::text[]) as paid (id, payment_reference)
where reservation.id = paid.id and reservation.state = 'held'
