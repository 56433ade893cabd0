-- How many sales each living reconciler should lead. One that was seen later than now was seen by a
-- clock that was set back since.
-- $1 seconds after which a silent reconciler counts as gone
select ceil(
    (select count(*) from lease join sale on sale.id = lease.sale_id where sale.state <> 'draft')
    / greatest(1.0, (
        select count(*) from reconciler
        where seen_at between clock_timestamp() - make_interval(secs => $1) and clock_timestamp()
    ))
)::integer
