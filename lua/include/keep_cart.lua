-- Stores the lines, or nothing where there are none, and lets the cart's time begin anew.
local function keep_cart(cart, version, lines, seconds)
  if #lines == 0 then return redis.call('DEL', cart) end
  local parts = {string.format('%d', version)}
  for _, line in ipairs(lines) do parts[#parts + 1] = line.sku .. '=' .. line.quantity end
  redis.call('SET', cart, table.concat(parts, ';'), 'EX', seconds)
end
