-- Sales that buyers may know of, newest first: sale and checkpoint.
-- $1 id of the last one seen (null: from the start), $2 the state that buyers meet (null: any),
-- $3 how many
select s.*, c.epoch, c.version, c.opened
from sale s join checkpoint c on c.sale_id = s.id
where s.state <> 'draft'
    and ($1::text is null
        or (s.created_at, s.id) < ((select created_at from sale where id = $1), $1))
    and ($2::text is null or $2 = case
        when s.state <> 'open' then s.state
        when now() < s.opens_at then 'scheduled'
        when s.closes_at <= now() then 'closed'
        else 'open' end)
order by s.created_at desc, s.id desc limit $3
