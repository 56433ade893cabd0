-- Which of these grants and lowerings are recorded: id.
-- $1 ids
select id from adjustment where id = any($1)
