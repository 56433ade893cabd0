-- Every key, without what it is.
select name, scope, created_at, revoked_at from api_key order by created_at, name
