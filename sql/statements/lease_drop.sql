-- Gives sales up, so that another reconciler can take them at once.
-- $1 reconciler, $2 sale ids
update lease set until = clock_timestamp() where reconciler = $1 and sale_id = any($2)
