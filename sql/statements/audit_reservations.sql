-- Every reservation of a sale, as an audit compares it.
-- $1 sale id
select replace(id::text, '-', '') as id, customer, fingerprint, lines, state, version
from reservation where sale_id = $1
