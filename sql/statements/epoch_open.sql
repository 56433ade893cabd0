-- Allows the recovery of this epoch to finish, if nothing moved meanwhile.
-- $1 sale id, $2 epoch, $3 version
update checkpoint set opened = $2
where sale_id = $1 and epoch = $2 and version = $3 and opened <= $2
returning true
