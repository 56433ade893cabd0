-- Remembers payments that came too late and must be refunded; the first one stays.
-- $1 ids, $2 payment references
update reservation set
    refused_payment_reference = coalesce(refused_payment_reference, refused.payment_reference)
from unnest($1::uuid[], $2::text[]) as refused (id, payment_reference)
where reservation.id = refused.id
