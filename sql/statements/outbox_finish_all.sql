-- Marks everything pending of a sale as done: a rebuild contains it.
-- $1 sale id
update outbox set done = true where sale_id = $1 and not done
