-- Asks for a sale to be audited now; returns when that was.
-- $1 sale id
insert into audit_request (sale_id) values ($1)
on conflict (sale_id) do update set asked_at = clock_timestamp()
returning asked_at
