-- Sales, drafts too, newest first: sale and checkpoint.
-- $1 id of the last one seen (null: from the start), $2 state (null: any), $3 how many
select s.*, c.epoch, c.version, c.opened
from sale s join checkpoint c on c.sale_id = s.id
where ($1::text is null
        or (s.created_at, s.id) < ((select created_at from sale where id = $1), $1))
    and ($2::text is null or s.state = $2)
order by s.created_at desc, s.id desc limit $3
