-- How many reservations a rebuild would write.
-- $1 sale id
select count(*) from reservation where sale_id = $1
