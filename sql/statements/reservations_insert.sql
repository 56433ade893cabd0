-- Records admitted reservations; returns how many were new. Ordered by id, so that two transactions
-- with the same ids wait for each other and do not deadlock.
-- $1 sale id, $2 ids, $3 customers, $4 fingerprints, $5 lines, $6 contexts, $7 epochs,
-- $8 versions, $9 admitted at (ms), $10 seconds left of the hold
with new as (
    insert into reservation
        (id, sale_id, customer, fingerprint, lines, context, epoch, version, created_at, deadline)
    select
        id, $1, customer, fingerprint, lines, context::jsonb, admitted.epoch, version,
        to_timestamp(admitted_at_ms / 1000.0), now() - shift + make_interval(secs => seconds_left)
    from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
            $8::bigint[], $9::bigint[], $10::float8[])
        as admitted
            (id, customer, fingerprint, lines, context, epoch, version, admitted_at_ms, seconds_left),
        (select shift from hold_clock where sale_id = $1) as clock
    order by id
    on conflict (id) do nothing
    returning id
)
select count(*) from new
