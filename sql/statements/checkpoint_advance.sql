-- Moves the checkpoint, if it still stands where the caller began. No row: somebody else moved it.
-- $1 sale id, $2 epoch, $3 version where the caller began, $4 new version
update checkpoint set version = $4 where sale_id = $1 and epoch = $2 and version = $3 returning true
