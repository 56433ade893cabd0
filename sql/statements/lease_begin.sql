-- Gives a new sale its lease, free to be taken.
-- $1 sale id
insert into lease (sale_id) values ($1)
