-- What was parked, newest first.
-- $1 sale id (null: of every sale), $2 whether what was dealt with too,
-- $3 before this id (null: from the newest), $4 how many
select * from parked
where ($1::text is null or sale_id = $1)
    and ($2 or resolved_at is null)
    and ($3::bigint is null or id < $3)
order by id desc
limit $4
