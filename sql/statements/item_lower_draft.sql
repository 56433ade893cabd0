-- Takes units out of an item of a draft; no row where there are fewer.
-- $1 sale id, $2 sku, $3 units
update item set lowered = lowered + $3, granted = granted - $3
where sale_id = $1 and sku = $2 and granted - taken >= $3
returning granted
