-- Moves an item's counter of what is held and paid; no row: no such item.
-- $1 sale id, $2 sku, $3 units
update item set taken = taken + $3 where sale_id = $1 and sku = $2 returning taken
