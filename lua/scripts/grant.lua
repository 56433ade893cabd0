#!lua flags=allow-oom
-- Brings an item's granted units up to the ledger's cumulative sum. The ledger sends the sum and
-- its revision, not the difference, so a repeated or late call changes nothing.
--
-- KEYS[1]  record
-- KEYS[2]  stream
--
-- ARGV[1]  epoch
-- ARGV[2]  sku
-- ARGV[3]  raised    all units ever granted to the item
-- ARGV[4]  revision  counts the item's grants
--
-- Reply    {'unproven'} | {'epoch', epoch} | {'unknown'} | {'old'} | {'ok', version}

--@include proof
--@include clock
--@include stock
--@include append
--@include announce

local record, stream = KEYS[1], KEYS[2]
local epoch, sku, raised, revision = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local r = redis.call('HMGET', record, 'replid', 'epoch', 'version', 'available:' .. sku,
  'raised:' .. sku, 'raised_revision:' .. sku)
if not r[1] or r[1] ~= server_replid() then return {'unproven'} end
if r[2] ~= epoch then return {'epoch', r[2]} end
if not r[4] then return {'unknown'} end
if tonumber(r[6]) >= tonumber(revision) then return {'old'} end

local version = tonumber(r[3]) + 1
local units = tonumber(raised) - tonumber(r[5])
assert(units >= 0, 'a cumulative sum cannot shrink')
local fields = {'version', string.format('%d', version), 'raised:' .. sku, raised,
  'raised_revision:' .. sku, revision}
local stock = encode_stock({[sku] = tonumber(r[4]) + units}, fields)

append(stream, 'grant', r[2], version, version, now_ms(), stock,
  string.format('%s|%d|%s', sku, units, revision))
redis.call('HSET', record, unpack(fields))
announce(record, r[2], version, version, '-', stock)
return {'ok', version}
