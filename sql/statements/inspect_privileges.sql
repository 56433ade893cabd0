-- Which privileges this role lacks on tables that exist: table_name, privilege.
-- $1 tables, $2 privileges; one of each a pair
select needed.table_name, needed.privilege
from unnest($1::text[], $2::text[]) as needed (table_name, privilege)
where to_regclass(needed.table_name) is not null
    and not has_table_privilege(to_regclass(needed.table_name), needed.privilege)
order by needed.table_name, needed.privilege
