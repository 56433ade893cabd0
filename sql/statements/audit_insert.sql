-- Keeps what an audit found, and of the older ones of the sale only the newest. Returns the keys
-- that the last one did not have which could be done: null for a first one.
-- $1 sale id, $2 milliseconds, $3 outcome, $4 why, $5 epoch, $6 version, $7 ledger version,
-- $8 reservations, $9 sums, $10 findings, $11 drifts, $12 keys, $13 how many older ones to keep
with previous as (
    select keys from audit where sale_id = $1 and outcome <> 'impossible' order by id desc limit 1
),
kept as (
    select id from audit where sale_id = $1 order by id desc limit $13
),
forgotten as (
    delete from audit where sale_id = $1 and id < (select min(id) from kept)
),
stored as (
    insert into audit (sale_id, milliseconds, outcome, why, epoch, version, ledger_version,
        reservations, sums, findings, drifts, keys)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::jsonb, $11::jsonb, $12)
    returning keys
)
select array(
    select key from stored, unnest(stored.keys) as found (key)
    where not key = any(coalesce((select keys from previous), '{}'))
) as news
