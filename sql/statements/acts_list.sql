-- Acts, newest first: id, at, actor, what, subject, detail.
-- $1 who (null: anybody), $2 to what (null: anything), $3 before this id (null: from the newest),
-- $4 how many
select id, at, actor, what, subject, detail from act
where ($1::text is null or actor = $1)
    and ($2::text is null or subject = $2)
    and ($3::bigint is null or id < $3)
order by id desc limit $4
