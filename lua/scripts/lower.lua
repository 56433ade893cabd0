#!lua
-- Takes units out of a sale for the operator, as an admission takes them for a customer: all of
-- them or none, and a request once. The ledger follows when it reads the entry.
--
-- KEYS[1]  record
-- KEYS[2]  stream
--
-- ARGV[1]  epoch
-- ARGV[2]  request  the id under which a repeated call is recognised
-- ARGV[3]  sku
-- ARGV[4]  units
-- ARGV[5]  context  who and why, for the ledger
--
-- Reply    {'unproven'} | {'epoch', epoch} | {'unknown'} | {'repeated', lowering}
--          {'short', available} | {'ok', version, available}
--
--          lowering  what was taken out under this request: sku|units

--@include proof
--@include clock
--@include stock
--@include append
--@include announce

local record, stream = KEYS[1], KEYS[2]
local epoch, request, sku, units, context = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]

local r = redis.call('HMGET', record, 'replid', 'epoch', 'version', 'available:' .. sku,
  'lowered:' .. sku, 'lowering:' .. request)
if not r[1] or r[1] ~= server_replid() then return {'unproven'} end
if r[2] ~= epoch then return {'epoch', r[2]} end
if r[6] then return {'repeated', r[6]} end
if not r[4] then return {'unknown'} end
local available = tonumber(r[4]) - units
if available < 0 then return {'short', tonumber(r[4])} end

local version = tonumber(r[3]) + 1
local fields = {'version', string.format('%d', version), 'lowering:' .. request,
  string.format('%s|%d', sku, units), 'lowered:' .. sku, string.format('%d', tonumber(r[5]) + units)}
local stock = encode_stock({[sku] = available}, fields)

append(stream, 'lowering', r[2], version, version, now_ms(), stock,
  string.format('%s|%s|%d|%s', request, sku, units, context))
redis.call('HSET', record, unpack(fields))
announce(record, r[2], version, version, '-', stock)
return {'ok', version, available}
