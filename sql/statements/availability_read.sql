-- Where the units of each item are, at one moment of the ledger: sale_id, sku, name, granted,
-- available (by the mirror), taken, held, returning; and the sale's checkpoint at that moment:
-- epoch, version. Lines are parted by semicolons, character 59.
-- $1 sale ids
with held as (
    select
        sale_id, split_part(line, ':', 1) as sku,
        sum(split_part(line, ':', 2)::bigint * orders) as units
    from (
        select sale_id, lines, count(*) as orders from reservation
        where sale_id = any($1) and state = 'held' group by sale_id, lines
    ) alike, string_to_table(alike.lines, chr(59)) as line
    group by 1, 2
),
returning_units as (
    select
        o.sale_id, split_part(line, ':', 1) as sku,
        sum(split_part(line, ':', 2)::bigint) as units
    from outbox o
    cross join lateral (select lines from reservation where id = o.key::uuid limit 1) r
    cross join string_to_table(r.lines, chr(59)) as line
    where o.sale_id = any($1) and o.kind = 'return' and not o.done
    group by 1, 2
)
select
    i.sale_id, i.sku, p.name, i.granted, i.mirror as available, i.taken,
    coalesce(held.units, 0)::bigint as held,
    coalesce(r.units, 0)::bigint as returning,
    c.epoch, c.version
from item i
join product p on p.sku = i.sku
join checkpoint c on c.sale_id = i.sale_id
left join held on held.sale_id = i.sale_id and held.sku = i.sku
left join returning_units r on r.sale_id = i.sale_id and r.sku = i.sku
where i.sale_id = any($1)
order by i.sale_id, i.sku
