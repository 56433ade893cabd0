-- Puts items into a new sale.
-- $1 sale id, $2 skus, $3 prices, $4 limits, $5 units
insert into item (sale_id, sku, price, limit_per_customer, raised, granted)
select $1, sku, price, limit_per_customer, units, units
from unnest($2::text[], $3::bigint[], $4::integer[], $5::bigint[])
    as new (sku, price, limit_per_customer, units)
