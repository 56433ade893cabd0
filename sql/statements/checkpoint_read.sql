-- The checkpoint of a sale: epoch, version, opened.
-- $1 sale id
select epoch, version, opened from checkpoint where sale_id = $1
