-- Whether units that a customer gave back in a sale are still on their way to Redis. It asks by the
-- customer, who has a hundred reservations at the most: of pending returns there may be thousands.
-- $1 sale id, $2 customer
select exists (
    select from reservation r
    join outbox o on o.sale_id = r.sale_id and o.kind = 'return'
        and o.key = replace(r.id::text, '-', '')
    where r.customer = $2 and r.sale_id = $1 and r.state in ('released', 'expired') and not o.done
)
