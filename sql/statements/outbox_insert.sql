-- Asks Redis to follow a change of the ledger.
-- $1 sale id, $2 kind, $3 key, $4 body
insert into outbox (sale_id, kind, key, body) values ($1, $2, $3, $4)
