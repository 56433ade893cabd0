-- Live and dead rows of tables, as the statistics have them: name, live, dead.
-- $1 tables
select relname as name, n_live_tup as live, n_dead_tup as dead
from pg_stat_user_tables
where relid = any (select to_regclass(name) from unnest($1::text[]) as named (name))
order by relname
