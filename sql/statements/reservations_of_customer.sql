-- A customer's reservations, newest first, after a given one (null: from the start).
-- $1 customer, $2 created_at and $3 id of the last one seen, $4 how many, $5 state and $6 sale id
-- (null: of any)
select
    r.id, r.sale_id, r.customer, r.lines, r.context ->> 'durability' as durability, r.state,
    r.version, r.created_at, r.deadline + c.shift as expires_at, r.payment_reference, r.replaced_by,
    s.currency
from reservation r
join sale s on s.id = r.sale_id
join hold_clock c on c.sale_id = r.sale_id
where r.customer = $1
    and ($2::timestamptz is null or (r.created_at, r.id) < ($2, $3::uuid))
    and ($5::text is null or r.state = $5)
    and ($6::text is null or r.sale_id = $6)
order by r.created_at desc, r.id desc
limit $4
