-- The only clock of the protocol: Redis' own time, frozen for the length of a script.
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
