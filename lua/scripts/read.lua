#!lua flags=no-writes
-- Reads a sale's record and says whether this server is the one that it was proven on.
--
-- KEYS[1]  record
--
-- Reply    {proven (1 or 0), now_ms, {field, value, ...}}

--@include proof
--@include clock

local record = KEYS[1]
local proven = redis.call('HGET', record, 'replid') == server_replid()
return {proven and 1 or 0, now_ms(), redis.call('HGETALL', record)}
