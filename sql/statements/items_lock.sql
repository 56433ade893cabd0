-- Locks items, always in the order of their sku, and returns sku, mirror, granted, taken. No key
-- changes, so what only refers to an item need not wait.
-- $1 sale id, $2 skus
select sku, mirror, granted, taken from item
where sale_id = $1 and sku = any($2) order by sku for no key update
