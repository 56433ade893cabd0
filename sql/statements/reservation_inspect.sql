-- A reservation, for operators.
-- $1 id
select
    r.id, r.sale_id, r.customer, r.lines, r.context ->> 'durability' as durability, r.state,
    r.version, r.created_at, r.deadline + c.shift as expires_at, r.payment_reference, r.replaced_by,
    s.currency, r.context ->> 'issuer' as issuer, r.context ->> 'subject' as subject,
    r.settled_at, r.refused_payment_reference
from reservation r
join sale s on s.id = r.sale_id
join hold_clock c on c.sale_id = r.sale_id
where r.id = $1
