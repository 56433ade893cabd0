-- Writes {field, value, ...} of any length into a hash; returns how many fields are new. unpack()
-- fails above some 8,000 values, and nothing may fail after the first write of a script.
local function set_fields(key, fields)
  local VALUES_AT_ONCE = 4000
  local new = 0
  for k = 1, #fields, VALUES_AT_ONCE do
    new = new
      + redis.call('HSET', key, unpack(fields, k, math.min(k + VALUES_AT_ONCE - 1, #fields)))
  end
  return new
end
