#!lua flags=allow-oom
-- Installs a sale's state and window from the ledger; an older revision is ignored.
--
-- KEYS[1]  record
-- KEYS[2]  stream
--
-- ARGV[1]  epoch
-- ARGV[2]  state         open, paused or closed
-- ARGV[3]  opens_at_ms
-- ARGV[4]  closes_at_ms  0 for no end
-- ARGV[5]  revision      counts the sale's states
--
-- Reply    {'unproven'} | {'epoch', epoch} | {'old'} | {'ok', version}

--@include proof
--@include clock
--@include append
--@include announce

local record, stream = KEYS[1], KEYS[2]
local epoch, state, opens_at_ms, closes_at_ms, revision =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local r = redis.call('HMGET', record, 'replid', 'epoch', 'version', 'state_revision')
if not r[1] or r[1] ~= server_replid() then return {'unproven'} end
if r[2] ~= epoch then return {'epoch', r[2]} end
if tonumber(r[4]) >= tonumber(revision) then return {'old'} end

local version = tonumber(r[3]) + 1
append(stream, 'state', r[2], version, version, now_ms(), '-', state .. '|' .. revision)
redis.call('HSET', record, 'version', string.format('%d', version), 'state', state,
  'opens_at_ms', opens_at_ms, 'closes_at_ms', closes_at_ms, 'state_revision', revision)
announce(record, r[2], version, version, state, '-')
return {'ok', version}
