-- Alarms that somebody has acknowledged, and the epochs whose keys need stay no longer: id, epochs.
-- An epoch that an open alarm names too stays; so does the one that is open now, in any case.
-- $1 sale id
select id, array(
    select epoch from unnest(alarm.epochs) as left_behind (epoch)
    where epoch < (select opened from checkpoint where sale_id = $1)
        and not exists (
            select from alarm still
            where still.sale_id = $1 and still.acknowledged_at is null and epoch = any(still.epochs)
        )
    order by epoch
) as epochs
from alarm
where sale_id = $1 and keys_removed_at is null and epochs <> '{}' and acknowledged_at is not null
order by id
