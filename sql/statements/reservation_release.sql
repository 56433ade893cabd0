-- Settles one hold as released; no row where it is not held any more.
-- $1 id
update reservation set state = 'released', settled_at = now()
where id = $1 and state = 'held'
returning sale_id, lines
