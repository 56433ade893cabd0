-- The sweeper's last heartbeat.
-- $1 sale id
select swept_at from hold_clock where sale_id = $1
