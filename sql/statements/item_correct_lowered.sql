-- Moves an item's counter of what was taken out, and what is granted with it; no row: no such item.
-- $1 sale id, $2 sku, $3 units
update item set lowered = lowered + $3, granted = granted - $3
where sale_id = $1 and sku = $2 returning lowered
