-- Stores a key; no row where the name is taken.
-- $1 digest, $2 name, $3 scope
insert into api_key (digest, name, scope) values ($1, $2, $3)
on conflict (name) do nothing
returning name
