-- Gives a reservation the context that could not be read when it was admitted; no row: no such
-- reservation.
-- $1 id, $2 context
update reservation set context = $2::jsonb where id = $1 returning id
