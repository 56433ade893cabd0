-- How much waits over all sales, one row: parked, outbox.
select
    (select count(*) from parked where resolved_at is null) as parked,
    (select count(*) from outbox where not done) as outbox
