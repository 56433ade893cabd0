-- What was parked and nobody has dealt with: reservation, context, reason, parked_at.
-- $1 sale id
select reservation, context, reason, parked_at from parked
where sale_id = $1 and resolved_at is null order by parked_at, reservation
