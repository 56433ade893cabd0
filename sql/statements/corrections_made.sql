-- How often something was corrected: kind, subject, number.
-- $1 sale id
select kind, subject, max(number) as number from correction
where sale_id = $1 group by kind, subject
