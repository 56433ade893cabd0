-- Marks pending rows as done; returns how many there were.
-- $1 sale id, $2 kind, $3 keys
with finished as (
    update outbox set done = true
    where sale_id = $1 and kind = $2 and key = any($3) and not done
    returning 1
)
select count(*) from finished
