-- Counts a change of a sale's state or window; returns the revision.
-- $1 id
update sale set revision = revision + 1 where id = $1 returning revision
