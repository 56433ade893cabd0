-- Moves a sale to a state, if it is in one of those from which that is allowed.
-- Returns revision, opens_at, closes_at; no row where it is not.
-- $1 sale id, $2 state, $3 states from which
update sale set state = $2, revision = revision + 1
where id = $1 and state = any($3)
returning revision, opens_at, closes_at
