-- The epoch of a sale, locked: no recovery begins, and no batch commits, until the transaction ends.
-- $1 sale id
select epoch from checkpoint where sale_id = $1 for no key update
