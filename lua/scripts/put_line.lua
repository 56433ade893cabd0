#!lua
-- Puts so many units of an item into a customer's cart, in place of those that it had. The same
-- again changes nothing but the time at which the cart is forgotten.
--
-- KEYS[1]  record
-- KEYS[2]  cart       string: version;sku=quantity;...
--
-- ARGV[1]  sku
-- ARGV[2]  quantity
-- ARGV[3]  max_lines  how many lines a cart may have
-- ARGV[4]  seconds    after which a cart is forgotten that nobody has changed
--
-- Reply    {'unknown-sale'}  there is no record
--          {'unknown-sku'}   the sale has no such item
--          {'full'}          the cart has as many lines as it may
--          {'no-room'}       memory is kept for what is sold
--          {'ok', version, expires_at_ms, now_ms, currency, {sku, quantity, price, available}, ...}

--@include clock
--@include cart
--@include keep_cart

local record, cart = KEYS[1], KEYS[2]
local sku, quantity, max_lines, seconds = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local r = redis.call('HMGET', record, 'epoch', 'price:' .. sku)
if not r[1] then return {'unknown-sale'} end
if not r[2] then return {'unknown-sku'} end

-- Carts are not bounded by what there is to sell. Admissions may take half of the memory that is
-- free (the reconciler's bound on the backlog), so carts leave them that.
local function is_crowded()
  local SHARE = 0.5
  local memory = redis.call('INFO', 'memory')
  local most = tonumber(string.match(memory, 'maxmemory:(%d+)') or '0')
  return most > 0 and tonumber(string.match(memory, 'used_memory:(%d+)')) > most * SHARE
end

-- A cart begins with the time in microseconds and goes on by ones. A call takes longer than that,
-- so no later cart of this customer has a version that this one had.
local function first_version()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local version, lines = decode_cart(redis.call('GET', cart))
local line
for _, each in ipairs(lines) do
  if each.sku == sku then line = each end
end
if not line then
  if #lines >= max_lines then return {'full'} end
  if is_crowded() then return {'no-room'} end
  line = {sku = sku}
  lines[#lines + 1] = line
end
if line.quantity ~= quantity then
  version = version > 0 and version + 1 or first_version()
  line.quantity = quantity
end

keep_cart(cart, version, lines, seconds)
return describe_cart(record, cart, now_ms(), version, lines)
