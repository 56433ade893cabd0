-- What an expired reservation had, and who had it; issuer and subject are null where its context was
-- parked.
-- $1 id
select
    sale_id, customer, lines, context ->> 'issuer' as issuer, context ->> 'subject' as subject,
    context ->> 'traceparent' as traceparent
from reservation where id = $1
