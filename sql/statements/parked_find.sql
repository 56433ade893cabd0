-- What was parked under an id.
-- $1 id
select * from parked where id = $1
