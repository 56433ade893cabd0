-- Marks a row and the pending ones that it supersedes as done; returns whether the row exists.
-- $1 sale id, $2 kind, $3 key, $4 keys of the revisions up to this one
with finished as (
    update outbox set done = true
    where sale_id = $1 and kind = $2 and key = any($4) and not done
)
select exists (select from outbox where sale_id = $1 and kind = $2 and key = $3)
