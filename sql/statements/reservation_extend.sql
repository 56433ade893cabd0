-- Lets one hold last until $2 at least, where the longest hold of its sale allows that. Returns
-- expires_at; no row where it does not, or where the reservation is not held any more.
-- $1 id, $2 until
update reservation r set deadline = greatest(r.deadline, $2::timestamptz - c.shift)
from sale s join hold_clock c on c.sale_id = s.id
where r.id = $1 and r.state = 'held' and s.id = r.sale_id
    and $2::timestamptz - c.shift <= r.began_at + make_interval(secs => s.max_hold_seconds)
returning r.deadline + c.shift as expires_at
