-- Sessions of this database that have been idle in a transaction, or waited for a lock, for
-- longer than that: pid, application_name, kind, seconds; the longest first.
-- $1 seconds
select
    pid,
    coalesce(application_name, '') as application_name,
    case when state like 'idle in transaction%' then 'idle in a transaction'
        else 'waiting for a lock' end as kind,
    extract(epoch from clock_timestamp() - state_change)::float8 as seconds
from pg_stat_activity
where datname = current_database()
    and (state like 'idle in transaction%' or (state = 'active' and wait_event_type = 'Lock'))
    and state_change < clock_timestamp() - make_interval(secs => $1)
order by state_change
limit 20
