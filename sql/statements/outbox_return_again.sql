-- Asks Redis once more to take the units of a reservation back; no row where it is not settled so.
-- $1 sale id, $2 reservation (32 hexadecimal digits)
insert into outbox (sale_id, kind, key, body)
select sale_id, 'return', $2, $2 || case state when 'expired' then 'x' else 'r' end
from reservation
where id = $2::uuid and sale_id = $1 and state in ('expired', 'released')
on conflict (sale_id, kind, key) do update set done = false, body = excluded.body
returning id
