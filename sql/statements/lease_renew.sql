-- Keeps the sales that this reconciler leads; returns their ids.
-- $1 reconciler, $2 seconds
update lease set until = clock_timestamp() + make_interval(secs => $2)
where reconciler = $1 and until > clock_timestamp()
returning sale_id
