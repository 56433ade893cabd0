-- Corrections, newest first.
-- $1 sale id, $2 how many
select * from correction where sale_id = $1 order by id desc limit $2
