-- Asks for a rebuild: Redis holds what the ledger has not taken.
-- $1 sale id
update checkpoint set rebuild = true where sale_id = $1
