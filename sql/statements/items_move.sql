-- Moves the counters of locked items by the given differences.
-- $1 sale id, $2 skus, $3 mirror, $4 taken, $5 lowered
update item set
    mirror = item.mirror + moved.mirror,
    taken = item.taken + moved.taken,
    lowered = item.lowered + moved.lowered,
    granted = item.granted - moved.lowered
from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
    as moved (sku, mirror, taken, lowered)
where item.sale_id = $1 and item.sku = moved.sku
