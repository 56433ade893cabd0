-- Makes the mirror what a rebuild installs: what the rows leave of what was granted. Returns sku,
-- mirror.
-- $1 sale id, $2 skus, $3 units that are held and paid of each, by the rows
update item set mirror = greatest(granted - coalesce((
    select units from unnest($2::text[], $3::bigint[]) as active (sku, units)
    where active.sku = item.sku
), 0), 0)
where sale_id = $1
returning sku, mirror
