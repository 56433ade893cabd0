-- Revokes a key; returns whether there was one to revoke.
-- $1 name
update api_key set revoked_at = now() where name = $1 and revoked_at is null returning true
