-- Tells whoever watches the sale. A hint: nothing depends on its arrival.
local function announce(channel, epoch, first, last, state, stock)
  redis.call('PUBLISH', channel,
    string.format('%s %d %d %s %s', epoch, first, last, state, stock))
end
