#!lua flags=allow-oom
-- Takes an item, or every one, out of a customer's cart. What is not in it changes nothing.
--
-- KEYS[1]  record
-- KEYS[2]  cart     string: version;sku=quantity;...
--
-- ARGV[1]  sku      or *, which no sku is, for every line
-- ARGV[2]  seconds  after which a cart is forgotten that nobody has changed
--
-- Reply    {'unknown-sale'}  there is no record
--          {'ok', version, expires_at_ms, now_ms, currency, {sku, quantity, price, available}, ...}

--@include clock
--@include cart
--@include keep_cart

local record, cart = KEYS[1], KEYS[2]
local sku, seconds = ARGV[1], ARGV[2]

if redis.call('HEXISTS', record, 'epoch') == 0 then return {'unknown-sale'} end
local version, lines = decode_cart(redis.call('GET', cart))
local kept = {}
for _, line in ipairs(lines) do
  if sku ~= '*' and line.sku ~= sku then kept[#kept + 1] = line end
end
if #kept < #lines then
  version = #kept > 0 and version + 1 or 0
  keep_cart(cart, version, kept, seconds)
end
return describe_cart(record, cart, now_ms(), version, kept)
