-- Notes that the sweeper lives. Where it was away for longer than $2, all of that time is added to
-- every deadline of the sale: what a hold had left as an outage began, it has left afterwards. Once,
-- because whoever comes second waits for the row, and then finds the heartbeat of the first.
-- $1 sale id, $2 longest usual pause (interval)
update hold_clock set
    shift = shift + case
        when clock_timestamp() - swept_at > $2::interval then clock_timestamp() - swept_at
        else '0'
    end,
    swept_at = clock_timestamp()
where sale_id = $1
