-- A sale, locked: no state changes until the transaction ends.
-- $1 sale id
select s.*, c.epoch, c.version, c.opened
from sale s join checkpoint c on c.sale_id = s.id where s.id = $1 for update of s
