-- Every sale with its checkpoint, newest first.
select s.*, c.epoch, c.version, c.opened
from sale s join checkpoint c on c.sale_id = s.id order by s.created_at desc, s.id
