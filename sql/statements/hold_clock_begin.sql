-- Gives a new sale its clock.
-- $1 sale id
insert into hold_clock (sale_id) values ($1)
