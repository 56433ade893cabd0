-- Records lowerings that Redis has made.
-- $1 sale id, $2 ids, $3 skus, $4 deltas, $5 contexts
insert into adjustment (id, sale_id, sku, delta, context)
select id, $1, sku, delta, context::jsonb
from unnest($2::text[], $3::text[], $4::bigint[], $5::text[]) as made (id, sku, delta, context)
