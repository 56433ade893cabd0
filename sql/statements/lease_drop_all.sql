-- Gives every sale of a reconciler up.
-- $1 reconciler
update lease set until = clock_timestamp() where reconciler = $1
