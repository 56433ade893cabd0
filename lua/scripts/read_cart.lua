#!lua flags=no-writes
-- Reads a customer's cart, with what its items cost and how much of them is left. It is not asked
-- whether the stock is proven: a cart holds none, and the checkout asks.
--
-- KEYS[1]  record
-- KEYS[2]  cart    string: version;sku=quantity;...
--
-- Reply    {'unknown-sale'}  there is no record
--          {'ok', version, expires_at_ms, now_ms, currency, {sku, quantity, price, available}, ...}

--@include clock
--@include cart

local record, cart = KEYS[1], KEYS[2]

if redis.call('HEXISTS', record, 'epoch') == 0 then return {'unknown-sale'} end
local version, lines = decode_cart(redis.call('GET', cart))
return describe_cart(record, cart, now_ms(), version, lines)
