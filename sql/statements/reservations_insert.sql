-- Records admitted reservations; returns how many were new. Their hold begins now. Ordered by id, so
-- that two transactions with the same ids wait for each other and do not deadlock. Texts come joined
-- by line feeds, which part the records of the history and so are in none of them: the client would
-- take several times as long to write arrays of them as it takes here to split them.
-- $1 sale id, $2 ids, $3 customers, $4 fingerprints, $5 lines, $6 contexts, $7 epochs,
-- $8 versions, $9 admitted at (ms)
with new as (
    insert into reservation
        (id, sale_id, customer, fingerprint, lines, context, epoch, version, created_at, began_at,
         deadline)
    select
        id, $1, customer, fingerprint, lines, context::jsonb, admitted.epoch, version,
        to_timestamp(admitted_at_ms / 1000.0), now() - shift, now() - shift + hold
    from unnest(
            string_to_array($2, E'\n')::uuid[], string_to_array($3, E'\n'),
            string_to_array($4, E'\n'), string_to_array($5, E'\n'), string_to_array($6, E'\n'),
            $7::bigint[], $8::bigint[], $9::bigint[])
        as admitted
            (id, customer, fingerprint, lines, context, epoch, version, admitted_at_ms),
        (
            select shift, make_interval(secs => hold_seconds) as hold
            from hold_clock join sale on sale.id = sale_id where sale_id = $1
        ) as clock
    order by id
    on conflict (id) do nothing
    returning id
)
select count(*) from new
