-- How many reconcilers live. One that was seen later than now was seen by a clock that was set back.
-- $1 seconds after which a silent one counts as gone
select count(*) from reconciler
where seen_at between clock_timestamp() - make_interval(secs => $1) and clock_timestamp()
