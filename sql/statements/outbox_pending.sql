-- What Redis has still to be told, oldest first: id, kind, key, body.
-- $1 sale id, $2 after this id, $3 how many
select id, kind, key, body from outbox
where sale_id = $1 and not done and id > $2 order by id limit $3
