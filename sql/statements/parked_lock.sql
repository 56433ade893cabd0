-- What was parked under an id, locked.
-- $1 id
select * from parked where id = $1 for no key update
