-- Records a grant or a lowering; no row where its id is known.
-- $1 id, $2 sale id, $3 sku, $4 delta, $5 context
insert into adjustment (id, sale_id, sku, delta, context) values ($1, $2, $3, $4, $5::jsonb)
on conflict (id) do nothing
returning id
