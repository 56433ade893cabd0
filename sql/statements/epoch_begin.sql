-- Begins a recovery: a new epoch, greater than any that anybody can have seen. All older work
-- fails from here on, because it compares the epoch. Returns epoch, version, opened
-- and rebuild.
-- $1 sale id, $2 the highest epoch known elsewhere
update checkpoint set epoch = greatest(
    epoch, $2,
    (select coalesce(max(w.epoch), 0) from witness w where w.sale_id = $1)
) + 1
where sale_id = $1
returning epoch, version, opened, rebuild
