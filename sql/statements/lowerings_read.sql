-- The ids under which units were taken out of a sale.
-- $1 sale id
select id from adjustment where sale_id = $1 and delta < 0
