-- Notes that the keys which an alarm names are gone.
-- $1 alarm id
update alarm set keys_removed_at = now() where id = $1
