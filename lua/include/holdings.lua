-- A customer's holdings are stored as '<admissions>;<sku>=<units>;...'. Admissions only grow.
local function decode_holdings(text)
  local holdings = {admissions = 0, units = {}}
  if text then
    holdings.admissions = tonumber(string.match(text, '^%d+'))
    for sku, units in string.gmatch(text, ';([^;=]+)=(%d+)') do
      holdings.units[sku] = tonumber(units)
    end
  end
  return holdings
end

local function encode_holdings(holdings)
  local parts = {string.format('%d', holdings.admissions)}
  for sku, units in pairs(holdings.units) do
    if units > 0 then parts[#parts + 1] = sku .. '=' .. string.format('%d', units) end
  end
  return table.concat(parts, ';')
end
