-- Allows the recovery of this epoch to finish, if nothing moved meanwhile, and if it rebuilds where
-- that was asked for.
-- $1 sale id, $2 epoch, $3 version, $4 whether it rebuilds
update checkpoint set opened = $2, rebuild = false
where sale_id = $1 and epoch = $2 and version = $3 and opened <= $2 and ($4 or not rebuild)
returning true
