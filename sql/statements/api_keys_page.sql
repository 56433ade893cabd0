-- Keys by name, without what they are.
-- $1 name of the last one seen (null: from the start), $2 how many
select name, scope, created_at, revoked_at from api_key
where $1::text is null or name > $1 order by name limit $2
