#!lua
-- Ends a recovery with a rebuild: installs the record that the ledger computed, after the
-- reservations and customers of the new epoch were written.
--
-- KEYS[1]  record
-- KEYS[2]  reservations  of the new epoch
-- KEYS[3]  customers     of the new epoch
-- KEYS[4]  stream        of the new epoch: must not exist
--
-- ARGV[1]  epoch         the new one
-- ARGV[2]  version       the ledger's checkpoint
-- ARGV[3]  reservations  how many must be there
-- ARGV[4]  customers     how many must be there
-- ARGV[5+] fields        field, value, ... of the record
--
-- Reply    {'fenced'}      another recovery, or another server
--          {'incomplete'}  something written for this epoch is not there
--          {'ok'}

--@include proof
--@include clock
--@include announce

local record, reservations, customers, stream = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, version = ARGV[1], ARGV[2]
local BEFORE_FIELDS = 4

local replid = server_replid()
local r = redis.call('HMGET', record, 'fence', 'fence_replid')
if r[1] ~= epoch or r[2] ~= replid then return {'fenced'} end
if redis.call('HLEN', reservations) ~= tonumber(ARGV[3])
  or redis.call('HLEN', customers) ~= tonumber(ARGV[4])
  or redis.call('EXISTS', stream) == 1 then return {'incomplete'} end

redis.call('DEL', record)
redis.call('HSET', record, 'epoch', epoch, 'version', version, 'committed', version,
  'progress_at_ms', string.format('%d', now_ms()), 'reservations', ARGV[3], 'customers', ARGV[4],
  'fence', epoch, 'fence_replid', replid, 'replid', replid)
for k = BEFORE_FIELDS + 1, #ARGV, 2 do redis.call('HSET', record, ARGV[k], ARGV[k + 1]) end
announce(record, epoch, 0, tonumber(version), 'reset', '-')
return {'ok'}
