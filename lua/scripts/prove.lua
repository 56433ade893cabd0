#!lua flags=allow-oom
-- Notes the level that this server keeps now, where its configuration has changed since the epoch
-- was opened. It changes no stock, so it appends nothing.
--
-- KEYS[1]  record
--
-- ARGV[1]  epoch
-- ARGV[2]  durability     the level that the reconciler has proven of this server
-- ARGV[3]  replicas       how many replicas must acknowledge at the level `replicated`
-- ARGV[4]  backlog_limit  how many changes may wait for the ledger
--
-- Reply    {'unproven'} | {'epoch', epoch} | {'ok'}

--@include proof

local record = KEYS[1]
local epoch, durability, replicas, backlog_limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local r = redis.call('HMGET', record, 'replid', 'epoch')
if not r[1] or r[1] ~= server_replid() then return {'unproven'} end
if r[2] ~= epoch then return {'epoch', r[2]} end
redis.call('HSET', record, 'durability', durability, 'replicas', replicas,
  'backlog_limit', backlog_limit)
return {'ok'}
