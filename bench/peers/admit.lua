-- What one writes for a flash sale: idempotency, limit and stock in one atomic step, and an event
-- for whoever persists the orders.
--
-- KEYS[1] stock hash   KEYS[2] the idempotency key's own key   KEYS[3] customer's own key   KEYS[4] stream
-- ARGV[1] sku  ARGV[2] quantity  ARGV[3] limit  ARGV[4] order id  ARGV[5] customer  ARGV[6] seconds
-- Reply: {1, order id} admitted, {2, order id} replayed, {3} over the limit, {4, left} short

local earlier = redis.call('GET', KEYS[2])
if earlier then return {2, earlier} end
local quantity = tonumber(ARGV[2])
local held = tonumber(redis.call('GET', KEYS[3]) or '0')
if held + quantity > tonumber(ARGV[3]) then return {3} end
local left = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if left < quantity then return {4, left} end
redis.call('HINCRBY', KEYS[1], ARGV[1], -quantity)
redis.call('INCRBY', KEYS[3], quantity)
redis.call('SET', KEYS[2], ARGV[4], 'EX', ARGV[6])
redis.call('XADD', KEYS[4], '*', 'order', ARGV[4], 'customer', ARGV[5], 'sku', ARGV[1],
  'quantity', ARGV[2])
return {1, ARGV[4]}
