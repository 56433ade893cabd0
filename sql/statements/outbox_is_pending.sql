-- Whether any of these rows waits for Redis still.
-- $1 sale id, $2 kinds, $3 keys; one of each a pair
select exists (
    select from unnest($2::text[], $3::text[]) as asked (kind, key)
    join outbox using (kind, key)
    where outbox.sale_id = $1 and not outbox.done
)
