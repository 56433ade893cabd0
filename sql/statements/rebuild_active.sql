-- What is held and paid, by the reservations themselves: sku, units.
-- $1 sale id
select split_part(line, ':', 1) as sku, sum(split_part(line, ':', 2)::bigint)::bigint as units
from reservation, unnest(string_to_array(lines, ';')) as line
where sale_id = $1 and state in ('held', 'paid')
group by 1
