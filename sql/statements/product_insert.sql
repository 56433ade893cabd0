-- Creates a product; no row where there is one.
-- $1 sku, $2 name, $3 price, $4 description, $5 image url
insert into product (sku, name, price, description, image_url) values ($1, $2, $3, $4, $5)
on conflict (sku) do nothing
returning sku
