-- The oldest pending row of each sale, and how many are pending: sale_id, oldest, pending.
select sale_id, min(id) as oldest, count(*) as pending
from outbox where not done group by sale_id order by sale_id
