-- Marks the pending rows of a thing as done, up to a revision; returns whether that one exists.
-- $1 sale id, $2 kind, $3 what stands before the revision in the key, $4 revision
with finished as (
    update outbox set done = true
    where sale_id = $1 and kind = $2 and not done
        and case when starts_with(key, $3) then substr(key, length($3) + 1)::integer <= $4 end
)
select exists (select from outbox where sale_id = $1 and kind = $2 and key = $3 || $4::integer::text)
