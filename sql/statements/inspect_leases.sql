-- Sales that nobody leads: sale_id, seconds since somebody did; the longest first.
select lease.sale_id, extract(epoch from clock_timestamp() - lease.until)::float8 as seconds
from lease join sale on sale.id = lease.sale_id
where lease.until < clock_timestamp() and sale.state <> 'draft'
order by lease.until
