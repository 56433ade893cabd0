-- Gives a new sale its checkpoint.
-- $1 sale id
insert into checkpoint (sale_id) values ($1)
