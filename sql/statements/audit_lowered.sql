-- What was taken out of each item, by the record of each act: sku, units.
-- $1 sale id
select sku, -sum(delta)::bigint as units from adjustment
where sale_id = $1 and delta < 0 group by sku
