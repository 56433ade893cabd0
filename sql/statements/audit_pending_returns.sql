-- Reservations whose units Redis was not seen to have taken back yet: key.
-- $1 sale id
select key from outbox where sale_id = $1 and kind = 'return' and not done
