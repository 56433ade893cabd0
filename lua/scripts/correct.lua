#!lua flags=allow-oom
-- Corrects what is left of an item by a difference that an audit has found: a compensating entry.
-- The difference does not change while the sale goes on, so it is applied whenever this comes.
--
-- KEYS[1]  record
-- KEYS[2]  stream
--
-- ARGV[1]  epoch
-- ARGV[2]  sku
-- ARGV[3]  units     to put in; negative to take out
-- ARGV[4]  mirrored  by how many units the ledger's mirror moves when it reads the entry
-- ARGV[5]  number    counts the item's corrections; one that is known or older is ignored
--
-- Reply    {'unproven'} | {'epoch', epoch} | {'unknown'} | {'old'}
--          {'short', available} | {'ok', version}

--@include proof
--@include clock
--@include stock
--@include append
--@include announce

local record, stream = KEYS[1], KEYS[2]
local epoch, sku, units, mirrored, number =
  ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]

local r = redis.call('HMGET', record, 'replid', 'epoch', 'version', 'available:' .. sku,
  'corrected:' .. sku)
if not r[1] or r[1] ~= server_replid() then return {'unproven'} end
if r[2] ~= epoch then return {'epoch', r[2]} end
if not r[4] then return {'unknown'} end
if tonumber(r[5] or '0') >= tonumber(number) then return {'old'} end
local available = tonumber(r[4]) + units
if available < 0 then return {'short', tonumber(r[4])} end

local version = tonumber(r[3]) + 1
local fields = {'version', string.format('%d', version), 'corrected:' .. sku, number}
local stock = encode_stock({[sku] = available}, fields)

append(stream, 'correction', r[2], version, version, now_ms(), stock,
  string.format('%s|%d|%d|%s', sku, units, mirrored, number))
redis.call('HSET', record, unpack(fields))
announce(record, r[2], version, version, '-', stock)
return {'ok', version}
