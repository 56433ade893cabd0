-- Notes the entry that made a correction of the stock, and the units before and after it.
-- $1 sale id, $2 sku, $3 number, $4 version, $5 units before, $6 units after
update correction set version = $4, units_before = $5, units_after = $6
where sale_id = $1 and kind = 'stock' and subject = $2 and number = $3
