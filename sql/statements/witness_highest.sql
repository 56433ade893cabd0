-- The highest version that anybody saw of an epoch or a later one; 0 for nobody.
-- $1 sale id, $2 epoch
select coalesce(max(version), 0) from witness where sale_id = $1 and epoch >= $2
