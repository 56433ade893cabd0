-- Puts items into a draft, or changes those that it has; units that were taken out stay so.
-- $1 sale id, $2 skus, $3 prices, $4 limits, $5 units
insert into item (sale_id, sku, price, limit_per_customer, raised, granted)
select $1, sku, price, limit_per_customer, units, units
from unnest($2::text[], $3::bigint[], $4::integer[], $5::bigint[])
    as new (sku, price, limit_per_customer, units)
on conflict (sale_id, sku) do update set
    price = excluded.price, limit_per_customer = excluded.limit_per_customer,
    raised = excluded.raised + item.lowered, granted = excluded.granted
