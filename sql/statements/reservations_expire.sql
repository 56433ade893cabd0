-- Settles holds whose deadline has passed; what somebody else is settling is left to them.
-- Returns id, lines.
-- $1 sale id, $2 how many at the most
with due as (
    select id from reservation
    where sale_id = $1 and state = 'held'
        and deadline < now() - (select shift from hold_clock where sale_id = $1)
    order by deadline
    limit $2
    for update skip locked
)
update reservation set state = 'expired', settled_at = now()
from due where reservation.id = due.id
returning reservation.id, reservation.lines
