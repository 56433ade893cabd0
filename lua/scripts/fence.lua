#!lua flags=allow-oom
-- Begins a recovery: takes the proof away, so that every other script refuses, and lets only
-- adopt and open of this epoch, on this very server, bring it back.
--
-- KEYS[1]  record
-- KEYS[2]  seen
--
-- ARGV[1]  epoch  the new one
--
-- Reply    {'fenced', fence}  a fence of this epoch or a later one stands already
--          {'ok', {field, value, ...} of the record, {epoch, version, ...} of the witnesses}

--@include proof

local record, seen = KEYS[1], KEYS[2]
local epoch = ARGV[1]

local fence = tonumber(redis.call('HGET', record, 'fence') or '0')
if fence >= tonumber(epoch) then return {'fenced', fence} end
redis.call('HSET', record, 'fence', epoch, 'fence_replid', server_replid(), 'replid', '')
return {'ok', redis.call('HGETALL', record), redis.call('HGETALL', seen)}
