-- The replication id that this very server has now. It changes at each restart and promotion,
-- so a record that names it was proven on this server since it started. A replica shares its
-- primary's and may lack what that acknowledged, so it has none.
local function server_replid()
  local info = redis.call('INFO', 'replication')
  return string.find(info, 'role:master', 1, true)
    and string.match(info, 'master_replid:(%x+)')
end
