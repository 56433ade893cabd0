-- Takes a sale from whoever leads it, who notices at the next renewal.
-- $1 reconciler, $2 seconds, $3 sale id
update lease set reconciler = $1, until = clock_timestamp() + make_interval(secs => $2)
where sale_id = $3
