-- Reservations of a sale, in the order of their admission, newest first, for operators.
-- $1 sale id, $2 state (null: any), $3 version of the last one seen (null: from the start),
-- $4 how many
select
    r.id, r.sale_id, r.customer, r.lines, r.context ->> 'durability' as durability, r.state,
    r.version, r.created_at, r.deadline + c.shift as expires_at, r.payment_reference, r.replaced_by,
    s.currency, r.context ->> 'issuer' as issuer, r.context ->> 'subject' as subject,
    r.settled_at, r.refused_payment_reference
from reservation r
join sale s on s.id = r.sale_id
join hold_clock c on c.sale_id = r.sale_id
where r.sale_id = $1
    and ($2::text is null or r.state = $2)
    and ($3::bigint is null or r.version < $3)
order by r.version desc
limit $4
