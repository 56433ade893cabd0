-- Settles holds whose deadline has passed; what somebody else is settling is left to them. Where the
-- sweeper's heartbeat is old, an outage has not been added to the deadlines yet, and none is due.
-- Returns id, lines.
-- $1 sale id, $2 how many at the most, $3 longest usual pause (interval)
with due as (
    select id from reservation
    where sale_id = $1 and state = 'held' and deadline < (
        select now() - shift from hold_clock
        where sale_id = $1 and swept_at > now() - $3::interval
    )
    order by deadline
    limit $2
    for update skip locked
)
update reservation set state = 'expired', settled_at = now()
from due where reservation.id = due.id
returning reservation.id, reservation.lines
