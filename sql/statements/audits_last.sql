-- The last audits, newest first.
-- $1 sale id (null: the last one of every sale), $2 how many of a sale
select a.* from sale s
cross join lateral (
    select * from audit where audit.sale_id = s.id order by audit.id desc limit $2
) a
where $1::text is null or s.id = $1
order by a.id desc
