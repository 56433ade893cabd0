-- A recorded grant or lowering.
-- $1 id
select sale_id, sku, delta, context ->> 'reason' as reason, created_at from adjustment where id = $1
