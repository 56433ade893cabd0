-- Locks reservations in the order of their ids; returns each as its owner sees it, and which payments
-- came too late for it.
-- $1 ids
select
    r.id, r.sale_id, r.customer, r.lines, r.context ->> 'durability' as durability, r.state,
    r.version, r.created_at, r.deadline + c.shift as expires_at, r.payment_reference,
    r.late_payment_reference, r.refused_payment_reference, r.replaced_by, s.currency
from reservation r
join sale s on s.id = r.sale_id
join hold_clock c on c.sale_id = r.sale_id
where r.id = any($1)
order by r.id
for update of r
