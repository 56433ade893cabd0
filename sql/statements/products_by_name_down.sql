-- Products by name, backwards: sku, name, price, description, image_url.
-- $1 sku of the last one seen (null: from the start), $2 how many to pass over, $3 how many
select sku, name, price, description, image_url from product
where $1::text is null
    or (name, sku) < ((select name from product where sku = $1), $1)
order by name desc, sku desc offset $2 limit $3
