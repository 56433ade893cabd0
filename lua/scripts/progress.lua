#!lua flags=no-writes
-- Tells how far the ledger has read, as far as this server is the one that may say so.
--
-- KEYS[1]  record
--
-- Reply    {'unproven'} | {'ok', epoch, committed}

--@include proof

local record = KEYS[1]

local r = redis.call('HMGET', record, 'replid', 'epoch', 'committed')
if not r[1] or r[1] ~= server_replid() then return {'unproven'} end
return {'ok', tonumber(r[2]), tonumber(r[3])}
