-- How a reservation stands, and when its hold has to end at the latest, in whole
-- milliseconds as it is told. Returns state, payment_reference, max_hold_seconds, latest.
-- $1 id
select
    r.state, r.payment_reference, s.max_hold_seconds,
    date_trunc(
        'milliseconds', r.began_at + make_interval(secs => s.max_hold_seconds) + c.shift
    ) as latest
from reservation r
join sale s on s.id = r.sale_id
join hold_clock c on c.sale_id = r.sale_id
where r.id = $1
