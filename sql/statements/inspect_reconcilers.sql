-- How many reconcilers live.
-- $1 seconds after which a silent one counts as gone
select count(*) from reconciler where seen_at > clock_timestamp() - make_interval(secs => $1)
