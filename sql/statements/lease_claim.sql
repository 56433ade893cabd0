-- Takes up to $3 sales that nobody leads; returns their ids. A lease that lasts much longer than any is
-- of a clock that was set back since: whoever lives has renewed it by then.
-- $1 reconciler, $2 seconds, $3 how many
with free as (
    select lease.sale_id from lease join sale on sale.id = lease.sale_id
    where sale.state <> 'draft' and lease.until not between
        clock_timestamp() and clock_timestamp() + make_interval(secs => 2 * $2::float8)
    order by lease.until
    limit $3
    for update of lease skip locked
)
update lease set reconciler = $1, until = clock_timestamp() + make_interval(secs => $2)
from free where lease.sale_id = free.sale_id
returning lease.sale_id
