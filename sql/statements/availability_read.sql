-- Where the units of each item are, at one moment of the ledger: sku, name, granted, available (by
-- the mirror), taken, held, returning; and the checkpoint of that moment: epoch, version.
-- Lines are parted by semicolons, character 59.
-- $1 sale id
with held as (
    select split_part(line, ':', 1) as sku, sum(split_part(line, ':', 2)::bigint * orders) as units
    from (
        select lines, count(*) as orders from reservation
        where sale_id = $1 and state = 'held' group by lines
    ) alike, string_to_table(alike.lines, chr(59)) as line
    group by 1
),
returning_units as (
    select split_part(line, ':', 1) as sku, sum(split_part(line, ':', 2)::bigint) as units
    from outbox o
    join reservation r on r.id = o.key::uuid, string_to_table(r.lines, chr(59)) as line
    where o.sale_id = $1 and o.kind = 'return' and not o.done
    group by 1
)
select
    i.sku, p.name, i.granted, i.mirror as available, i.taken,
    coalesce(held.units, 0)::bigint as held,
    coalesce(returning_units.units, 0)::bigint as returning,
    c.epoch, c.version
from item i
join product p using (sku)
join checkpoint c on c.sale_id = i.sale_id
left join held using (sku)
left join returning_units using (sku)
where i.sale_id = $1
order by i.sku
