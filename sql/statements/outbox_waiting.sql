-- Whether Redis has still to be told of a sale's state, or of a grant.
-- $1 sale id
select exists (select from outbox where sale_id = $1 and kind in ('grant', 'state') and not done)
