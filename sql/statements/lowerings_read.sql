-- What was taken out of a sale: id, sku, units.
-- $1 sale id
select id, sku, -delta as units from adjustment where sale_id = $1 and delta < 0
