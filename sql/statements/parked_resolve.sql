-- Says what became of a parked record, and returns it.
-- $1 id, $2 who, $3 retried or discarded, $4 note (null for none)
update parked set resolved_at = now(), resolved_by = $2, resolution = $3, note = $4
where id = $1
returning *
