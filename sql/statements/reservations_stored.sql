-- Every reservation of a sale, as a rebuild stores it.
-- $1 sale id
select
    replace(id::text, '-', '') as id, customer, fingerprint, lines, state, version,
    (extract(epoch from created_at) * 1000)::bigint as created_at_ms
from reservation where sale_id = $1
