-- A sale, locked: no state changes until the transaction ends. No key changes, so what only refers
-- to the sale need not wait.
-- $1 sale id
select s.*, c.epoch, c.version, c.opened
from sale s join checkpoint c on c.sale_id = s.id where s.id = $1 for no key update of s
