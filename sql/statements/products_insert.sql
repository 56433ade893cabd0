-- Adds products that are not known yet.
-- $1 skus, $2 names, $3 prices
insert into product (sku, name, price)
select sku, name, price from unnest($1::text[], $2::text[], $3::bigint[]) as p (sku, name, price)
order by sku
on conflict (sku) do nothing
