-- Whether a sale is over: closed, nothing of it is held, and Redis has been told everything.
-- $1 sale id
select
    state = 'closed'
    and not exists (select from reservation where sale_id = $1 and state = 'held')
    and not exists (select from outbox where sale_id = $1 and not done) as has_ended
from sale where id = $1
