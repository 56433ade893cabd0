-- A product, locked: sku, name, price, description, image_url.
-- $1 sku
select sku, name, price, description, image_url from product where sku = $1 for no key update
