-- What a script leaves of the items that it touched: the text for the entry and the
-- announcement ('<sku>=<available>;...', '-' for none), and the fields for the record.
local function encode_stock(available, fields)
  local parts = {}
  for sku, units in pairs(available) do
    local text = string.format('%d', units)
    parts[#parts + 1] = sku .. '=' .. text
    fields[#fields + 1] = 'available:' .. sku
    fields[#fields + 1] = text
  end
  if #parts == 0 then return '-' end
  return table.concat(parts, ';')
end
