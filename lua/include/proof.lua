-- The replication id that this very server has now. It changes at each restart and promotion,
-- so a record that names it was proven on this server since it started.
local function server_replid()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end
