-- Notes that the sweeper lives. Where it was away for longer than $2, the time beyond that is added to
-- every deadline of the sale: once, because whoever comes second waits for the row, and then finds
-- the heartbeat of the first.
-- $1 sale id, $2 longest usual pause (interval)
update hold_clock set
    shift = shift + greatest(clock_timestamp() - swept_at - $2::interval, '0'),
    swept_at = clock_timestamp()
where sale_id = $1
