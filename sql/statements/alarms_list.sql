-- Alarms, newest first: id, sale_id, kind, what, at, acknowledged_at, acknowledged_by.
-- $1 sale id (null: of every sale), $2 whether acknowledged ones too,
-- $3 before this id (null: from the newest), $4 how many
select id, sale_id, kind, what, at, acknowledged_at, acknowledged_by from alarm
where ($1::text is null or sale_id = $1)
    and ($2 or acknowledged_at is null)
    and ($3::bigint is null or id < $3)
order by id desc
limit $4
