-- How much waits over all sales, one row: alarms, parked, outbox.
select
    (select count(*) from alarm where acknowledged_at is null) as alarms,
    (select count(*) from parked where resolved_at is null) as parked,
    (select count(*) from outbox where not done) as outbox
