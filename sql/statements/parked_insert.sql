-- Keeps contexts that the ledger cannot read, for somebody to look at; one that is kept stays.
-- $1 sale id, $2 reservations, $3 contexts, $4 reasons
insert into parked (reservation, sale_id, context, reason)
select reservation, $1, context, reason
from unnest($2::uuid[], $3::bytea[], $4::text[]) as refused (reservation, context, reason)
on conflict (reservation) do nothing
