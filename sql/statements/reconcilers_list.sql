-- Reconcilers that beat lately: id, silent_seconds since they did, leads (how many sales).
-- $1 seconds after which a silent one is forgotten
select
    r.id,
    extract(epoch from clock_timestamp() - r.seen_at)::float8 as silent_seconds,
    (select count(*) from lease
        where lease.reconciler = r.id and lease.until > clock_timestamp()) as leads
from reconciler r
where r.seen_at > clock_timestamp() - make_interval(secs => $1)
order by r.id
