-- Notes the highest version seen of an epoch. Returns those that are news, of an epoch that had ended
-- before what they have seen: epoch, ended_at, seen.
-- $1 sale id, $2 epochs, $3 versions
with news as (
    insert into witness (sale_id, epoch, version)
    select $1, epoch, version from unnest($2::bigint[], $3::bigint[]) as seen (epoch, version)
    order by epoch
    on conflict (sale_id, epoch) do update set version = excluded.version
        where witness.version < excluded.version
    returning epoch, version
)
select news.epoch, max(recovery.version) as ended_at, news.version as seen
from news join recovery on recovery.sale_id = $1 and recovery.ended_epoch = news.epoch
group by news.epoch, news.version having max(recovery.version) < news.version
order by news.epoch
