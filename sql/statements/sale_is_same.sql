-- Whether a sale was created from this very definition.
-- $1 sale id, $2 source
select source = $2::jsonb from sale where id = $1
