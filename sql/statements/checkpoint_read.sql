-- The checkpoint of a sale: epoch, version, opened, rebuild.
-- $1 sale id
select epoch, version, opened, rebuild from checkpoint where sale_id = $1
