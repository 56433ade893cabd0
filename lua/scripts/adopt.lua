#!lua flags=allow-oom
-- Ends a recovery that found nothing lost: proves the record as it stands, under a new epoch.
--
-- KEYS[1]  record
-- KEYS[2]  reservations   of the old epoch
-- KEYS[3]  customers      of the old epoch
-- KEYS[4]  stream         of the old epoch
-- KEYS[5]  reservations'  of the new epoch
-- KEYS[6]  customers'     of the new epoch
-- KEYS[7]  stream'        of the new epoch
--
-- ARGV[1]  epoch          the new one
-- ARGV[2]  old_epoch
-- ARGV[3]  version        the ledger's checkpoint
-- ARGV[4]  durability     the level that the reconciler has proven of this server
-- ARGV[5]  replicas       how many replicas must acknowledge at the level `replicated`
-- ARGV[6]  backlog_limit  how many changes may wait for the ledger
-- ARGV[7+] items          sku, available, ... of the ledger's mirror
--
-- Reply    {'fenced'}         another recovery, or another server
--          {'differs', what}  something is not as the ledger has it: rebuild
--          {'ok'}

--@include proof
--@include clock
--@include announce

local record = KEYS[1]
local epoch, old_epoch, version = ARGV[1], ARGV[2], ARGV[3]
local durability, replicas, backlog_limit = ARGV[4], ARGV[5], ARGV[6]
local BEFORE_ITEMS = 6

local replid = server_replid()
local r = redis.call('HMGET', record, 'fence', 'fence_replid', 'epoch', 'version', 'reservations',
  'customers')
if r[1] ~= epoch or r[2] ~= replid then return {'fenced'} end
if r[3] ~= old_epoch then return {'differs', 'epoch'} end
if r[4] ~= version then return {'differs', 'version'} end
if redis.call('HLEN', KEYS[2]) ~= tonumber(r[5]) then return {'differs', 'reservations'} end
if redis.call('HLEN', KEYS[3]) ~= tonumber(r[6]) then return {'differs', 'customers'} end
for k = BEFORE_ITEMS + 1, #ARGV, 2 do
  if redis.call('HGET', record, 'available:' .. ARGV[k]) ~= ARGV[k + 1] then
    return {'differs', 'available:' .. ARGV[k]}
  end
end

for k = 2, 4 do
  if redis.call('EXISTS', KEYS[k]) == 1 then redis.call('RENAME', KEYS[k], KEYS[k + 3]) end
end
redis.call('HSET', record, 'epoch', epoch, 'replid', replid, 'committed', version,
  'progress_at_ms', string.format('%d', now_ms()), 'durability', durability,
  'replicas', replicas, 'backlog_limit', backlog_limit)
announce(record, epoch, 0, tonumber(version), 'reset', '-')
return {'ok'}
