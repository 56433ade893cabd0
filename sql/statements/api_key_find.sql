-- The key with this digest that was not revoked: name, scope.
-- $1 digest
select name, scope from api_key where digest = $1 and revoked_at is null
