-- Records lowerings that Redis has made, and who made them.
-- $1 sale id, $2 ids, $3 skus, $4 deltas, $5 contexts
with made as (
    insert into adjustment (id, sale_id, sku, delta, context)
    select id, $1, sku, delta, context::jsonb
    from unnest($2::text[], $3::text[], $4::bigint[], $5::text[]) as made (id, sku, delta, context)
    returning sku, delta, context
)
insert into act (actor, what, subject, detail)
select coalesce(context ->> 'actor', 'doorbuster'), 'units.lower', $1,
    jsonb_build_object('sku', sku, 'delta', delta, 'reason', context -> 'reason')
from made
