-- A customer's cart is stored as '<version>;<sku>=<quantity>;...', in the order in which the lines
-- were put in. One that holds no line is not stored at all.
local function decode_cart(text)
  local lines = {}
  for sku, quantity in string.gmatch(text or '', ';([^;=]+)=(%d+)') do
    lines[#lines + 1] = {sku = sku, quantity = quantity}
  end
  return tonumber(string.match(text or '0', '^%d+')), lines
end

-- What a script answers of a cart: {'ok', version, expires_at_ms, now_ms, currency, line, ...}. A
-- line is {sku, quantity, price, available}; an item that is no longer in the sale has neither
-- price nor units. Version 0 stands for a cart without lines, and -2 for no time.
local function describe_cart(record, cart, now, version, lines)
  local reply = {'ok', version, redis.call('PEXPIRETIME', cart), now,
    redis.call('HGET', record, 'currency')}
  for _, line in ipairs(lines) do
    local item = redis.call('HMGET', record, 'price:' .. line.sku, 'available:' .. line.sku)
    reply[#reply + 1] = {line.sku, line.quantity, item[1], item[2]}
  end
  return reply
end
