-- Notes which reservation a late payment has paid in place of a locked, expired one.
-- $1 id, $2 id of the new reservation
update reservation set replaced_by = $2 where id = $1
