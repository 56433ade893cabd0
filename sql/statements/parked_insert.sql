-- Keeps what the ledger refuses, for somebody to look at.
-- $1 sale id, $2 kind, $3 subjects, $4 records, $5 reasons
insert into parked (sale_id, kind, subject, record, reason)
select $1, $2, subject, record, reason
from unnest($3::text[], $4::bytea[], $5::text[]) as refused (subject, record, reason)
