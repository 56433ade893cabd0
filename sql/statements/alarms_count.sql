-- How many alarms nobody has acknowledged, of each kind: kind, count.
select kind, count(*) as count from alarm where acknowledged_at is null group by kind
