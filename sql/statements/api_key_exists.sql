-- Whether there is a key of this name, revoked or not: one row, or none.
-- $1 name
select true from api_key where name = $1
