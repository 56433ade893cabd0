-- Writes whole products; returns how many were created and changed. One that is as it was stays
-- untouched.
-- $1 skus, $2 names, $3 prices, $4 descriptions, $5 image urls
with written as (
    insert into product (sku, name, price, description, image_url)
    select sku, name, price, description, image_url
    from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[])
        as p (sku, name, price, description, image_url)
    order by sku
    on conflict (sku) do update set
        name = excluded.name, price = excluded.price,
        description = excluded.description, image_url = excluded.image_url
    where (product.name, product.price, product.description, product.image_url)
        is distinct from (excluded.name, excluded.price, excluded.description, excluded.image_url)
    returning xmax = 0 as created
)
select
    count(*) filter (where created) as created,
    count(*) filter (where not created) as changed
from written
