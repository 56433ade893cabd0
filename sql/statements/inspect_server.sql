-- What the server and this session are set to, and who this role is: one row.
-- Without pg_read_all_stats only the sessions of this role can be told from those of others.
select
    current_setting('server_version_num')::integer as version,
    current_setting('synchronous_commit') as synchronous_commit,
    current_setting('fsync')::boolean as fsync,
    current_setting('full_page_writes')::boolean as full_page_writes,
    current_setting('autovacuum')::boolean as autovacuum,
    current_setting('synchronous_standby_names') as standby_names,
    (select count(*) from pg_stat_replication where sync_state in ('sync', 'quorum'))
        as synchronous_standbys,
    pg_is_in_recovery() as in_recovery,
    current_setting('transaction_read_only')::boolean as read_only,
    current_user::text as role,
    role.rolsuper as superuser,
    pg_has_role(current_user, 'pg_read_all_stats', 'usage') as sees_all_sessions,
    least(
        current_setting('max_connections')::integer
            - current_setting('superuser_reserved_connections')::integer
            - coalesce(current_setting('reserved_connections', true)::integer, 0),
        nullif(role.rolconnlimit, -1),
        nullif(database.datconnlimit, -1)
    ) as connections,
    (select count(*) from pg_stat_activity
        where datid is not null and application_name is distinct from 'doorbuster')
        as connections_of_others
from pg_roles role, pg_database database
where role.rolname = current_user and database.datname = current_database()
