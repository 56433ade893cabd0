-- Asks Redis to take units back.
-- $1 sale id, $2 reservations (32 hexadecimal digits), $3 letter
insert into outbox (sale_id, kind, key, body)
select $1, 'return', key, key || $3::text from unnest($2::text[]) as returned (key)
