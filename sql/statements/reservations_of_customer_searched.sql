-- Reservations of a customer, newest first, for operators.
-- $1 customer, $2 sale id (null: any), $3 state (null: any), $4 created_at and $5 id of the last one
-- seen (null: from the start), $6 how many
select
    r.id, r.sale_id, r.customer, r.lines, r.context ->> 'durability' as durability, r.state,
    r.version, r.created_at, r.deadline + c.shift as expires_at, r.payment_reference, r.replaced_by,
    s.currency, r.context ->> 'issuer' as issuer, r.context ->> 'subject' as subject,
    r.settled_at, r.refused_payment_reference
from reservation r
join sale s on s.id = r.sale_id
join hold_clock c on c.sale_id = r.sale_id
where r.customer = $1
    and ($2::text is null or r.sale_id = $2)
    and ($3::text is null or r.state = $3)
    and ($4::timestamptz is null or (r.created_at, r.id) < ($4, $5::uuid))
order by r.created_at desc, r.id desc
limit $6
