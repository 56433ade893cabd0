-- Notes that the sweeper lives. Where it was away for longer than $2, the time beyond that is
-- added to every deadline of the sale; comparing with $3 adds it once, however many sweep.
-- $1 sale id, $2 longest usual pause (interval), $3 the heartbeat that the caller saw
update hold_clock set
    shift = shift + greatest(clock_timestamp() - swept_at - $2::interval, '0'),
    swept_at = clock_timestamp()
where sale_id = $1 and swept_at = $3
returning swept_at
