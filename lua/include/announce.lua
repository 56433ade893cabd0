-- Tells whoever watches the sale. A hint: nothing depends on its arrival, so where the channel is
-- forbidden to the caller (pcall) the call does not fail after its writes.
local function announce(channel, epoch, first, last, state, stock)
  redis.pcall('PUBLISH', channel,
    string.format('%s %d %d %s %s', epoch, first, last, state, stock))
end
