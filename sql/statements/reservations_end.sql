-- Ends holds as the history says, where a ledger that was rolled back has ended them in another way
-- since; but what was paid late stays expired, because it was answered so.
-- $1 reservations, $2 states
update reservation set state = told.state
from unnest($1::uuid[], $2::text[]) as told (id, state)
where reservation.id = told.id and reservation.state <> told.state
    and reservation.state in ('released', 'expired')
    and reservation.late_payment_reference is null
