-- A sale with its checkpoint.
-- $1 sale id
select s.*, c.epoch, c.version, c.opened
from sale s join checkpoint c on c.sale_id = s.id where s.id = $1
