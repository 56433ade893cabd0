#!lua flags=allow-oom
-- The reconciler's one call: notes what the ledger has committed, trims what nobody needs any
-- more, and reads on.
--
-- KEYS[1]  record
-- KEYS[2]  reservations
-- KEYS[3]  customers
-- KEYS[4]  stream
-- KEYS[5]  seen
--
-- ARGV[1]  epoch
-- ARGV[2]  committed   the ledger's checkpoint: entries after it are read
-- ARGV[3]  trim_below  entries below this version may go; 0 for none
-- ARGV[4]  count       how many entries to read at the most; 0: none, the caller has them
--
-- Reply    {'unproven'} | {'epoch', epoch}
--          {'ok', version, committed, seen, now_ms, entries}, committed as it was before

--@include proof
--@include complete
--@include clock

local record, reservations, customers, stream, seen = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local epoch, committed, trim_below, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local r = redis.call('HMGET', record, 'replid', 'epoch', 'version', 'committed',
  'reservations', 'customers')
if not r[1] or r[1] ~= server_replid() then return {'unproven'} end
if r[2] ~= epoch then return {'epoch', r[2]} end
if not is_complete(reservations, r[5], customers, r[6]) then return {'unproven'} end

local entries = {}
if tonumber(count) > 0 and tonumber(r[3]) > tonumber(committed) then
  entries = redis.call('XRANGE', stream, committed .. '-1', '+', 'COUNT', count)
end
local now = now_ms()
local reply = {'ok', tonumber(r[3]), tonumber(r[4]),
  tonumber(redis.call('HGET', seen, epoch) or '0'), now, entries}

-- What the ledger has not read is never trimmed, whatever the caller asks for.
local trim = math.min(tonumber(trim_below), tonumber(committed))
if trim > 0 then redis.call('XTRIM', stream, 'MINID', '~', string.format('%d-0', trim)) end
if tonumber(committed) > tonumber(r[4]) then
  redis.call('HSET', record, 'committed', committed, 'progress_at_ms', string.format('%d', now))
end
return reply
